/**
 * The way to the server. Every request is a simple one (JSON in `text/plain`), so the browser asks no leave before
 * it, and outlives the page (`keepalive`). What must not be lost is written down first and struck out when the server
 * has it: the page may go, the network may be down, and the next page sends what is left. Ids are made once, so that
 * the server counts nothing twice.
 */
import type { EventsRequest, SwapRequest, VisitorEvent } from '../shared/contract/visitor.js';
import { parse, safely, stringify } from './guard.js';
import { readLocal, writeLocal } from './storage.js';
import { createUuid } from './uuid.js';

/** An event as its author writes it; id and time are added here, once. */
export type NewEvent<E = VisitorEvent> = E extends VisitorEvent ? Omit<E, 'id' | 'at'> : never;

export interface Transport {
  /** The answer, unchecked; `undefined` if none came. Never rejects. */
  swap(request: Omit<SwapRequest, 'key' | 'session'>): Promise<unknown>;
  /** Whether the server has the event. Never rejects, and nothing is kept of what it has not. */
  send(event: NewEvent): Promise<boolean>;
  /** Hands a lead or a page view to the browser in this very task, and keeps it until the server has it. Its id. */
  deliver(event: NewEvent, isBeacon?: boolean): string;
  /** Sends what earlier pages left, and this one could not. */
  catchUp(): void;
}

/** What waits to be sent, the newest last. */
interface Kept {
  session: string;
  event: VisitorEvent;
  /** When it was last on its way: somebody may still be waiting for the answer. */
  triedAt: number;
}
const MAX_KEPT = 100;
const MAX_KEPT_CHARS = 64_000;
const KEPT_MS = 864e5;
/** A request without an answer has failed after this long. */
const PATIENCE_MS = 15_000;

export function createTransport(base: string, key: string, session: () => string): Transport {
  const name = `calltrk-${key}-queue`;
  /** Where the browser keeps nothing, as long as this page lives. */
  let memory: Kept[] = [];
  const fetchNow = fetch;
  const sendBeacon = safely((body: string) => navigator.sendBeacon(`${base}/v1/events`, body));

  /** The answer; `null` where the server will never take this, `undefined` where it may later. */
  async function post(path: string, body: string): Promise<unknown> {
    try {
      const late = new Promise<never>((_, reject) => setTimeout(reject, PATIENCE_MS));
      const sent = fetchNow(base + path, { method: 'POST', body, keepalive: true });
      const answer = await Promise.race([sent, late]);
      if (answer.ok) return parse(await Promise.race([answer.text(), late]));
      return /^4(?!08|29)/.test(`${answer.status}`) ? null : undefined;
    } catch {
      return undefined;
    }
  }

  const read = () => (readLocal(name) as Kept[] | null | undefined) ?? memory;
  function update(change: (kept: Kept[]) => Kept[]): void {
    memory = (safely(change)(read()) ?? change([])).slice(-MAX_KEPT);
    while (stringify(memory).length > MAX_KEPT_CHARS) memory.shift();
    writeLocal(name, memory);
  }

  const bodyOf = (who: string, events: VisitorEvent[]) =>
    stringify({ key, session: who, events } satisfies EventsRequest);
  const stamp = (event: NewEvent) => ({ ...event, id: createUuid(), at: Date.now() }) as VisitorEvent;

  async function sendKept(items: readonly Kept[]): Promise<void> {
    for (const who of new Set(items.map((item) => item.session))) {
      const events = items.filter((item) => item.session === who).map(({ event }) => event);
      const ids = events.map(({ id }) => id);
      if ((await post('/v1/events', bodyOf(who, events))) !== undefined)
        update((kept) => kept.filter(({ event }) => !ids.includes(event.id)));
    }
  }

  async function sendOverdue(): Promise<void> {
    const now = Date.now();
    const isDue = (item: Kept) => now - item.triedAt > PATIENCE_MS;
    let due: Kept[] = [];
    if (!read().some(isDue)) return;
    update((kept) => {
      const alive = kept.filter(({ event }) => now - (event.at ?? 0) < KEPT_MS);
      due = alive.filter(isDue);
      return alive.map((item) => (isDue(item) ? { ...item, triedAt: now } : item));
    });
    await sendKept(due);
  }

  return {
    swap: (request) =>
      post('/v1/swap', stringify({ key, session: session(), ...request } satisfies SwapRequest)),
    send: async (event) => !!(await post('/v1/events', bodyOf(session(), [stamp(event)]))),
    deliver(event, isBeacon) {
      const item = { session: session(), event: stamp(event), triedAt: Date.now() };
      if (isBeacon && sendBeacon(bodyOf(item.session, [item.event]))) return item.event.id;
      update((kept) => [...kept, item]);
      void sendKept([item]);
      return item.event.id;
    },
    catchUp() {
      // Two tabs that begin at once do not send the same.
      const alone = navigator.locks?.request(name, { ifAvailable: true }, (lock) => lock && sendOverdue());
      if (!alone) void sendOverdue();
    },
  };
}

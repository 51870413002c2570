/**
 * The way to the server. Every request is a simple one (JSON in `text/plain`), so the browser asks no leave before
 * it, and outlives the page (`keepalive`). What must not be lost is written down first and struck out when the server
 * has it: the page may go, the network may be down, and the next page sends what is left. Ids are made once, so that
 * the server counts nothing twice.
 */
import type { VisitorEvent } from '../shared/contract/visitor.js';
import { base, config } from './config.js';
import { parse, safely, stringify } from './guard.js';
import { readLocal, writeLocal } from './storage.js';
import { createUuid } from './uuid.js';

/** An event as its author writes it; id and time are added here, once. */
export type NewEvent<E = VisitorEvent> = E extends VisitorEvent ? Omit<E, 'id' | 'at'> : never;

/** What the server is not known to have, the oldest first. */
interface Kept {
  session: string;
  event: VisitorEvent & { at: number };
  /** Until then it may be on its way. */
  due: number;
}
const MAX_KEPT = 100;
const MAX_KEPT_CHARS = 64_000;
const KEPT_MS = 864e5;
const ON_ITS_WAY_MS = 20_000;

const fetchNow = fetch;
/** Where the browser keeps nothing, as long as this page lives. */
let memory: Kept[] = [];

/** The answer, unchecked; `null` where the server will never take this, `undefined` where it may later. Never rejects. */
export async function post(path: string, body: object): Promise<unknown> {
  try {
    const answer = await fetchNow(base + path, { method: 'POST', body: stringify(body), keepalive: true });
    if (answer.ok) return parse(await answer.text());
    return /^4(?!08|29)/.test(`${answer.status}`) ? null : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the server has the event, which is kept nowhere else. Never rejects. */
export async function send(session: string, event: NewEvent): Promise<boolean> {
  return !!(await postEvent(stamp(session, event)));
}

/** Hands a lead or a page view to the browser in this very task, and keeps it until the server has it. Its id. */
export function deliver(session: string, event: NewEvent, isBeacon?: boolean): string {
  const item = stamp(session, event);
  const beacon = safely(() => navigator.sendBeacon(`${base}/v1/events`, stringify(bodyOf(item))));
  if (!isBeacon || !beacon()) void attempt(item);
  return item.event.id;
}

/** Sends what earlier pages left, and what this one could not. */
export function catchUp(): void {
  // One tab at a time: what it has sent, the next one does not find any more.
  void (navigator.locks?.request(nameOfQueue(), sendDue) ?? sendDue()).catch(() => {});
}

async function sendDue(): Promise<void> {
  for (const item of readKept()) if (item.due < Date.now()) await attempt(item);
}

async function attempt(item: Kept): Promise<void> {
  const { id } = item.event;
  keep(id, { ...item, due: Date.now() + ON_ITS_WAY_MS });
  keep(id, (await postEvent(item)) === undefined && { ...item, due: 0 });
}

/** Writes down an item in place of the one with its id, or strikes it out. */
function keep(id: string, item: Kept | false): void {
  memory = readKept().filter(({ event }) => event.id !== id);
  if (item) memory = [...memory, item].slice(-MAX_KEPT);
  while (stringify(memory).length > MAX_KEPT_CHARS) memory.shift();
  writeLocal(nameOfQueue(), memory);
}

function readKept(): Kept[] {
  const kept = readLocal(nameOfQueue()) ?? memory;
  return Array.isArray(kept) ? kept.filter((item) => Date.now() - item?.event?.at < KEPT_MS) : [];
}

const nameOfQueue = () => `${config.key}-queue`;
const postEvent = (item: Kept) => post('/v1/events', bodyOf(item));
const bodyOf = ({ session, event }: Kept) => ({ key: config.key, session, events: [event] });
const stamp = (session: string, event: NewEvent): Kept => ({
  session,
  event: { ...event, id: createUuid(), at: Date.now() },
  due: 0,
});

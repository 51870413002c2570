/**
 * The way to the server. Every request is a simple one (JSON in `text/plain`), so the browser asks no leave before
 * it, and outlives the page (`keepalive`). A queue that survives the page belongs here.
 */
import type { EventsRequest, SwapRequest, VisitorEvent } from '../shared/contract/visitor.js';
import { safely } from './guard.js';
import { createUuid } from './uuid.js';

/** An event as its author writes it; id and time are added here, once. */
export type NewEvent<E = VisitorEvent> = E extends VisitorEvent ? Omit<E, 'id' | 'at'> : never;

export interface Transport {
  /** The answer, unchecked; `undefined` if none came. Never rejects. */
  swap(request: Omit<SwapRequest, 'key' | 'session'>): Promise<unknown>;
  /** Whether the server has the event. Never rejects. */
  send(event: NewEvent): Promise<boolean>;
  /** Hands the event to the browser in this very task: the page may be gone in the next. */
  sendNow(event: NewEvent): void;
}

export function createTransport(base: string, key: string, session: string): Transport {
  async function post(path: string, body: string): Promise<unknown> {
    try {
      const answer = await fetch(base + path, { method: 'POST', body, keepalive: true });
      return answer.ok ? await answer.json() : undefined;
    } catch {
      return undefined;
    }
  }

  function bodyOf(event: NewEvent): string {
    const events = [{ ...event, id: createUuid(), at: Date.now() }];
    return JSON.stringify({ key, session, events } satisfies EventsRequest);
  }

  const beacon = safely((path: string, body: string) => navigator.sendBeacon(base + path, body));

  return {
    swap: (request) => post('/v1/swap', JSON.stringify({ key, session, ...request } satisfies SwapRequest)),
    send: async (event) => (await post('/v1/events', bodyOf(event))) !== undefined,
    sendNow(event) {
      const body = bodyOf(event);
      if (!beacon('/v1/events', body)) void post('/v1/events', body);
    },
  };
}

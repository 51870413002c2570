/**
 * The way to the server. Every request is a simple one (JSON in `text/plain`), so the browser asks no leave before
 * it, and outlives the page (`keepalive`). What must not be lost is written down first and struck out when the server
 * has it: the page may go, the network may be down, and the next page sends what is left. Ids are made once, so that
 * the server counts nothing twice.
 */
import type { EventsRequest, VisitorEvent } from '../shared/contract/visitor.js';
import { base, config } from './config.js';
import { later, safely, stringify } from './guard.js';
import { readLocal, writeLocal } from './storage.js';
import { createUuid } from './uuid.js';

/** An event as its author writes it; id and time are added here, once. */
export type NewEvent<E = VisitorEvent> = E extends VisitorEvent ? Omit<E, 'id' | 'at'> : never;

/** Whose event it is: should the server know of no visit, how that began. */
export type Who = Pick<EventsRequest, 'session' | 'visit'>;

/** What the server is not known to have: a request with its one event. */
interface Kept extends Who {
  key: string;
  events: [event: VisitorEvent & { at: number }];
  /** Until then it may be on its way. */
  due?: number;
}
const MAX_KEPT = 100;
const MAX_KEPT_CHARS = 64_000;
const KEPT_MS = 864e5;
const ON_ITS_WAY_MS = 20_000;
/** What a server has not taken is brought to it again after this long, as long as the page is there. */
const AGAIN_MS = 30_000;
/** So long a server may take to answer. */
const PATIENCE_MS = 40_000;
const EVENTS = '/v1/events';
const QUEUE = '-queue';

const fetchNow = fetch;
let again: unknown;
/** Where the browser keeps nothing, as long as this page lives. */
let memory: Kept[] = [];

/**
 * The answer, unchecked; `null` where the server will never take this, `undefined` where it may later. Never rejects.
 */
export function post(path: string, body: object): Promise<unknown> {
  return request(path, body).catch(() => undefined);
}

/** The same, but rejects where no server has answered. */
async function request(path: string, body: object): Promise<unknown> {
  const patience = new AbortController();
  later(PATIENCE_MS, () => patience.abort());
  const { signal } = patience;
  const answer = await fetchNow(base + path, {
    method: 'POST',
    body: stringify(body),
    keepalive: true,
    signal,
  });
  return answer.ok ? answer.json() : answer.status === 400 ? null : undefined;
}

const beacon = safely((item: Kept) => navigator.sendBeacon(base + EVENTS, stringify(item)));

/** Sends an event that is kept nowhere else; the answer says whether the server has it. Never rejects. */
export function send(who: Who, event: NewEvent): Promise<unknown> {
  return post(EVENTS, stamp(who, event));
}

/** Hands a lead or a page view to the browser in this very task, and keeps it until the server has it. Its id. */
export function deliver(who: Who, event: NewEvent, isBeacon?: boolean): string {
  const item = stamp(who, event);
  if (!isBeacon || !beacon(item)) safely(attempt)(item);
  return item.events[0].id;
}

/** Sends what earlier pages left, and what this one could not. */
export const catchUp = safely(() => {
  // One tab at a time: what it has sent, the next one does not find any more.
  const inTurn = async () => navigator.locks.request(`calltrk-${config.key}`, sendDue);
  return inTurn().catch(sendDue);
});

async function sendDue(): Promise<void> {
  // What is too old to be sent is too old to be kept.
  writeLocal(QUEUE, readKept());
  for (const item of readKept())
    if (!((item.due as number) > Date.now()) && isQueued(item)) await attempt(item);
}

async function attempt(item: Kept): Promise<void> {
  replace(item, { ...item, due: Date.now() + ON_ITS_WAY_MS });
  // A page may have made `fetch` useless. A beacon is no proof that there is a network: the item stays.
  const answer = await request(EVENTS, item).catch(() => void (isQueued(item) && beacon(item)));
  if (isQueued(item)) replace(item, ...(answer === undefined ? [item] : []));
  if (answer === undefined && !again) {
    again = later(AGAIN_MS, () => {
      again = undefined;
      catchUp();
    });
  }
}

/** Whether it is still in the queue: another tab may have sent it, a refusal may have erased it. */
function isQueued(item: Kept): boolean {
  return readKept().some(({ events: [{ id }] }) => id === item.events[0].id);
}

/** Writes down what has become of an item, or strikes it out. */
function replace(item: Kept, ...now: Kept[]): void {
  memory = readKept()
    .filter(({ events: [{ id }] }) => id !== item.events[0].id)
    .concat(now);
  while (memory[MAX_KEPT] || stringify(memory).length > MAX_KEPT_CHARS) {
    // A lead outlives what only tells of a visit.
    const least = memory.findIndex(({ events: [{ type }] }) => !/form|tap/.test(type));
    memory.splice(Math.max(least, 0), 1);
  }
  writeLocal(QUEUE, memory);
  // What is kept there may be erased there.
  if (readLocal(QUEUE)) memory = [];
}

function readKept(): Kept[] {
  const isFresh = safely(({ events }: Kept) => Date.now() - events[0].at < KEPT_MS);
  return [(readLocal(QUEUE) as Kept[] | undefined) ?? memory].flat().filter(isFresh);
}

function stamp(who: Who, event: NewEvent): Kept {
  return { key: config.key, ...who, events: [{ ...event, id: createUuid(), at: Date.now() }] };
}

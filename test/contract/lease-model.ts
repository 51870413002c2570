import type { Lease, PooledNumber } from '../../server/domain/ports.js';
import { HOLD } from './lease-stores.js';

/** What a right clock may be ahead. */
const SLACK = 5 * 60_000;

interface Slot {
  number: string;
  lane: string;
  turn: number;
  holders: Map<string, { since: number; until: number }>;
}

export interface ModelRequest {
  sessionId: string;
  lane: string;
  now: number;
  mayOpen: boolean;
  mayShare: boolean;
}

/** The rules of the port, written as plainly as possible: linear searches over one list. */
export class LeaseModel {
  #turn = 0;
  #fresh = -1_000_000;
  #slots: Slot[] = [];
  constructor(numbers: readonly PooledNumber[]) {
    this.set(numbers);
  }
  set(numbers: readonly PooledNumber[]): void {
    this.#slots = numbers.map(({ number, lane }) => {
      const known = this.#slots.find((slot) => slot.number === number);
      return { ...(known ?? { number, turn: this.#fresh++, holders: new Map() }), lane };
    });
  }
  assign({ sessionId, lane, now, mayOpen, mayShare }: ModelRequest): Lease | null {
    const own = this.#slots.find(({ holders }) => holders.has(sessionId));
    if (!own && !mayOpen) return null;
    const slot = own ?? this.#headOf(lane);
    if (!slot) return null;
    const others = this.#soberHolders(slot, now).filter(([holder]) => holder !== sessionId);
    const live = others.filter(([, { until }]) => until > now).map(([holder]) => holder);
    if (!own && live.length > 0 && !mayShare) return null;
    const ended = others
      .filter(([, { until }]) => until <= now)
      .map(([holder, { until: heldUntil }]) => ({ sessionId: holder, heldUntil }));
    for (const past of ended) slot.holders.delete(past.sessionId);
    const { since, until: heldUntil } = this.#hold(slot, sessionId, now);
    return {
      number: slot.number,
      opened: !own,
      shared: live.length > 0,
      since,
      heldUntil,
      sharedWith: own || live.length !== 1 ? [] : live,
      ended: ended.sort(byTime),
    };
  }
  renew(sessionId: string, now: number): boolean {
    const slot = this.#slots.find(({ holders }) => holders.has(sessionId));
    if (!slot) return false;
    this.#soberHolders(slot, now);
    this.#hold(slot, sessionId, now);
    return true;
  }
  /** Of each lane how many numbers it has, and how many of them are held. */
  usage(now: number): Record<string, [numbers: number, held: number]> {
    const lanes: Record<string, [number, number]> = {};
    for (const { lane, holders } of this.#slots) {
      const held = [...holders.values()].some(({ until }) => until > now && until <= now + HOLD + SLACK);
      const [numbers, heldOnes] = lanes[lane] ?? [0, 0];
      lanes[lane] = [numbers + 1, heldOnes + (held ? 1 : 0)];
    }
    return lanes;
  }
  #headOf(lane: string): Slot | undefined {
    const inLane = (name: string) => this.#slots.filter((slot) => slot.lane === name);
    const candidates = [inLane(lane), inLane('*'), this.#slots].find(({ length }) => length > 0);
    return candidates?.toSorted((a, b) => a.turn - b.turn)[0];
  }
  /** A hold that ends later than can be was given by a clock that was ahead, and is over. */
  #soberHolders({ holders }: Slot, now: number) {
    for (const hold of holders.values()) if (hold.until > now + HOLD + SLACK) hold.until = now;
    return [...holders];
  }
  #hold(slot: Slot, session: string, now: number): { since: number; until: number } {
    const before = slot.holders.get(session);
    const hold = { since: before?.since ?? now, until: Math.max(now + HOLD, before?.until ?? 0) };
    slot.holders.set(session, hold);
    slot.turn = this.#turn++;
    return hold;
  }
}

/** The order in which a test compares who lost a number. */
export const byTime = (a: Lease['ended'][number], b: Lease['ended'][number]) =>
  a.heldUntil - b.heldUntil || a.sessionId.localeCompare(b.sessionId);

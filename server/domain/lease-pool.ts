/**
 * Who holds which number of one pool: the rules of leasing over plain data, time as an argument. Leases in this
 * process are one of these for each pool (`storage/memory`), simulators run it as it is, and the scripts of
 * `storage/redis` do the same in Redis, step by step.
 *
 * Each lane is a queue of its numbers in the order of their last signs of life. Its head is idle longest, or, when
 * every number is held, its holders have been quiet longest: one look decides between taking and sharing. The order
 * is by what came first, not by clocks: a server whose clock is behind would else put a number that it has just
 * given away at the head again, for everybody who comes.
 *
 * Every request costs O(log holders of its number), whatever the size of the pool: the queues are linked lists, and
 * of a number that is shared each holder but the newest has a claim in a heap, by the time until which he holds it. A
 * claim is not moved by signs of life; only when its time has come, it is seen whether its holder is gone.
 */
import { REST } from './lanes.js';
import type {
  Lease,
  LeaseRequest,
  Millis,
  PhoneNumber,
  PoolContents,
  PooledNumber,
  PoolUsage,
} from './ports.js';

/** So many claims are looked at in one request, and so many holders told at most that they lost a number. */
const MAX_ENDED = 100;
/** Clocks of servers may be apart by so much. */
const CLOCK_SLACK_MS = 5 * 60_000;
/** The turns of numbers that nobody ever had begin here: they come before all others. */
const FRESH = -(2 ** 52);

/** The latest time until which a hold can be given now: one that ends later was given by a clock that was ahead. */
export function latestHold(now: Millis, holdMs: number): Millis {
  return now + holdMs + CLOCK_SLACK_MS;
}

interface Hold {
  readonly sessionId: string;
  readonly slot: Slot;
  readonly since: Millis;
  until: Millis;
  /** Has a claim. Of a number every holder has but the newest, who may have one of before. */
  isQueued: boolean;
}

interface Claim {
  hold: Hold;
  /** When to see whether he is gone: his `until` when the claim was made. */
  until: Millis;
}

interface Slot {
  readonly number: PhoneNumber;
  lane: Lane;
  /** Of all who hold it, or held it since nobody new took it, the one with the latest time. */
  newest: Hold | null;
  /** That time; 0 when there is nobody. */
  heldUntil: Millis;
  /** The latest time of all the others: tells whether the number is shared without looking at each. */
  othersUntil: Millis;
  /** A binary heap by `until`. */
  readonly claims: Claim[];
  /** Place in the order of signs of life; counts up, so that a burst within one millisecond has an order, too. */
  turn: number;
  before: Slot | null;
  after: Slot | null;
}

/** The numbers of one lane, the one quiet longest first. */
interface Lane {
  readonly name: string;
  head: Slot | null;
  tail: Slot | null;
}

/** One pool. See `LeaseStore` for what its operations promise. */
export class LeasePool {
  readonly #slots = new Map<PhoneNumber, Slot>();
  readonly #holds = new Map<string, Hold>();
  #lanes = new Map<string, Lane>();
  #turn = 0;
  #fresh = FRESH;
  #version: number;

  constructor({ numbers, version, leases }: PoolContents) {
    this.#version = version;
    this.#setNumbers(numbers);
    for (const { number, sessionId, since, heldUntil } of leases) {
      const slot = this.#slots.get(number);
      if (slot && !this.#holds.has(sessionId)) this.#open(slot, sessionId, since, heldUntil);
    }
  }

  update(numbers: readonly PooledNumber[], version: number): void {
    if (version <= this.#version) return;
    this.#version = version;
    this.#setNumbers(numbers);
  }

  assign({ sessionId, lane, now, holdMs, mayOpen, mayShare }: Omit<LeaseRequest, 'pool'>): Lease | null {
    const until = now + holdMs;
    const own = this.#holds.get(sessionId);
    if (own) {
      const { slot } = own;
      sober(slot, now, holdMs);
      this.#renew(own, until);
      // Who has run out beside a live holder has lost the number to him: it is exclusive again.
      const ended = this.#endPast(slot, now, own);
      return { ...leaseOf(own, now), ended };
    }
    const slot = mayOpen ? this.#headOf(lane) : null;
    if (!slot) return null;
    sober(slot, now, holdMs);
    if (slot.heldUntil > now && !mayShare) return null;
    const ended = this.#endPast(slot, now, null);
    // Only a lease that was exclusive becomes shared by this; of several holders each was told before.
    const isFirst = slot.newest !== null && slot.heldUntil > now && slot.othersUntil <= now;
    const sharedWith = isFirst ? [slot.newest?.sessionId ?? ''] : [];
    const hold = this.#open(slot, sessionId, now, until);
    return { ...leaseOf(hold, now), opened: true, sharedWith, ended };
  }

  renew(sessionId: string, now: Millis, holdMs: number): boolean {
    const own = this.#holds.get(sessionId);
    if (!own) return false;
    sober(own.slot, now, holdMs);
    this.#renew(own, now + holdMs);
    return true;
  }

  usage(now: Millis, holdMs: number): PoolUsage {
    const lanes = new Map([...this.#lanes.keys()].map((lane) => [lane, { lane, numbers: 0, held: 0 }]));
    let held = 0;
    for (const slot of this.#slots.values()) {
      const lane = lanes.get(slot.lane.name);
      if (!lane) continue;
      lane.numbers++;
      if (!isHeld(slot, now, holdMs)) continue;
      lane.held++;
      held++;
    }
    return { numbers: this.#slots.size, held, version: this.#version, lanes: [...lanes.values()] };
  }

  #setNumbers(numbers: readonly PooledNumber[]): void {
    const lanes = new Map<string, Lane>();
    const wanted = new Set<PhoneNumber>();
    for (const { number, lane: name } of numbers) {
      if (wanted.has(number)) continue;
      wanted.add(number);
      const lane = lanes.get(name) ?? { name, head: null, tail: null };
      lanes.set(name, lane);
      const slot = this.#slots.get(number);
      if (slot) slot.lane = lane;
      else this.#slots.set(number, newSlot(number, lane, this.#fresh++));
    }
    for (const slot of this.#slots.values()) {
      if (wanted.has(slot.number)) continue;
      this.#slots.delete(slot.number);
      for (const { hold } of slot.claims) this.#holds.delete(hold.sessionId);
      if (slot.newest) this.#holds.delete(slot.newest.sessionId);
    }
    this.#lanes = lanes;
    // Each in its new lane where its last sign of life puts it.
    for (const slot of [...this.#slots.values()].sort((a, b) => a.turn - b.turn)) append(slot);
  }

  /** The lane's number to be taken next. Whose lane has no number takes one of the rest, else of any lane. */
  #headOf(lane: string): Slot | null {
    const own = this.#lanes.get(lane) ?? this.#lanes.get(REST);
    if (own) return own.head;
    const heads = [...this.#lanes.values()].map(({ head }) => head);
    return heads.reduce((one, other) => (one && other && one.turn < other.turn ? one : other), null);
  }

  /** Ends the holds on a number that have run out, and says whose they were. Not `own`, who is just renewing his. */
  #endPast(slot: Slot, now: Millis, own: Hold | null): Lease['ended'] {
    const past: Hold[] = [];
    const { newest, claims } = slot;
    if (newest && newest !== own && newest.until <= now && !newest.isQueued) past.push(newest);
    for (let looks = 1; looks < MAX_ENDED && (claims[0]?.until ?? now + 1) <= now; looks++) {
      const { hold } = pop(claims);
      if (hold.until > now) push(claims, { hold, until: hold.until });
      else past.push(hold);
    }
    for (const { sessionId } of past) this.#holds.delete(sessionId);
    if (slot.othersUntil <= now) slot.othersUntil = 0;
    if (newest && past.includes(newest)) Object.assign(slot, { newest: null, heldUntil: 0 });
    return past.map(({ sessionId, until }) => ({ sessionId, heldUntil: until }));
  }

  #open(slot: Slot, sessionId: string, since: Millis, until: Millis): Hold {
    const hold: Hold = { sessionId, slot, since, until, isQueued: false };
    this.#holds.set(sessionId, hold);
    this.#sign(hold);
    return hold;
  }

  #renew(hold: Hold, until: Millis): void {
    // A clock that stepped back must not shorten a hold.
    hold.until = Math.max(until, hold.until);
    this.#sign(hold);
  }

  /** Notes a sign of life of a holder: his number goes to the end of its lane. */
  #sign(hold: Hold): void {
    const { slot, until } = hold;
    const { newest } = slot;
    if (newest === hold) {
      slot.heldUntil = until;
    } else if (until >= slot.heldUntil) {
      if (newest) claim(newest);
      slot.othersUntil = slot.heldUntil;
      slot.newest = hold;
      slot.heldUntil = until;
    } else {
      claim(hold);
      slot.othersUntil = Math.max(slot.othersUntil, until);
    }
    slot.turn = this.#turn++;
    remove(slot);
    append(slot);
  }
}

function newSlot(number: PhoneNumber, lane: Lane, turn: number): Slot {
  return {
    number,
    lane,
    newest: null,
    heldUntil: 0,
    othersUntil: 0,
    claims: [],
    turn,
    before: null,
    after: null,
  };
}

function leaseOf({ sessionId, slot, since, until }: Hold, now: Millis): Lease {
  const isNewest = slot.newest?.sessionId === sessionId;
  const shared = (isNewest ? slot.othersUntil : slot.heldUntil) > now;
  return { number: slot.number, opened: false, shared, since, heldUntil: until, sharedWith: [], ended: [] };
}

function isHeld({ heldUntil, newest, claims }: Slot, now: Millis, holdMs: number): boolean {
  const latest = latestHold(now, holdMs);
  if (heldUntil <= latest) return heldUntil > now;
  const holds = [...claims.map(({ hold }) => hold), ...(newest ? [newest] : [])];
  return holds.some(({ until }) => until > now && until <= latest);
}

/** Holds that a clock gave which was ahead, and is right again, are over now. */
function sober(slot: Slot, now: Millis, holdMs: number): void {
  const latest = latestHold(now, holdMs);
  if (slot.heldUntil <= latest) return;
  if (slot.newest) claim(slot.newest);
  const holds = slot.claims.splice(0).map(({ hold }) => hold);
  Object.assign(slot, { newest: null, heldUntil: 0, othersUntil: 0 });
  for (const hold of holds) {
    if (hold.until > latest) hold.until = now;
    push(slot.claims, { hold, until: hold.until });
    if (!slot.newest || hold.until > slot.heldUntil) {
      slot.othersUntil = slot.heldUntil;
      slot.newest = hold;
      slot.heldUntil = hold.until;
    } else {
      slot.othersUntil = Math.max(slot.othersUntil, hold.until);
    }
  }
}

// ── The queue of a lane ──────────────────────────────────────────────────────────────────────────────────────

/** Puts a slot that is in no queue at the end of its lane's. */
function append(slot: Slot): void {
  const { lane } = slot;
  slot.before = lane.tail;
  slot.after = null;
  if (lane.tail) lane.tail.after = slot;
  else lane.head = slot;
  lane.tail = slot;
}

function remove({ lane, before, after }: Slot): void {
  if (before) before.after = after;
  else lane.head = after;
  if (after) after.before = before;
  else lane.tail = before;
}

// ── The claims on a number ───────────────────────────────────────────────────────────────────────────────────

function claim(hold: Hold): void {
  if (!hold.isQueued) push(hold.slot.claims, { hold, until: hold.until });
}

function push(claims: Claim[], one: Claim): void {
  one.hold.isQueued = true;
  let at = claims.length;
  while (at > 0) {
    const up = (at - 1) >> 1;
    const parent = claims[up] as Claim;
    if (parent.until <= one.until) break;
    claims[at] = parent;
    at = up;
  }
  claims[at] = one;
}

/** Takes the earliest claim out; there must be one. */
function pop(claims: Claim[]): Claim {
  const [first] = claims as [Claim];
  const last = claims.pop() as Claim;
  first.hold.isQueued = false;
  if (last === first) return first;
  let at = 0;
  for (;;) {
    const [left, right] = [claims[2 * at + 1], claims[2 * at + 2]];
    const child = right && left && right.until < left.until ? right : left;
    if (!child || child.until >= last.until) break;
    claims[at] = child;
    at = 2 * at + (child === left ? 1 : 2);
  }
  claims[at] = last;
  return first;
}

import { readdirSync, readFileSync } from 'node:fs';
import type { LaneUsage, Lease, PoolUsage } from '../../domain/ports.js';

/**
 * Every script with what goes in after the keys and what comes out: one file of `lua/` each, named with its number of
 * keys.
 */
export interface Commands {
  assign: {
    given: [
      session: string,
      lane: string,
      now: string,
      until: string,
      latest: string,
      mayOpen: '0' | '1',
      mayShare: '0' | '1',
    ];
    answer: AssignAnswer;
  };
  renew: { given: [session: string, now: string, until: string, latest: string]; answer: 0 | 1 };
  /** Two values for each number: itself and its lane. */
  set_pool: { given: [version: number, ...numbersAndLanes: string[]]; answer: 0 | 1 };
  /** After the numbers with their lanes four values for each lease: number, session, since, until. */
  remember: {
    given: [version: number, numbers: number, ...numbersAndLeases: string[]];
    answer: 0 | 1;
  };
  usage: {
    given: [now: string, latest: string];
    answer: 'forgotten' | [version: string, ...lanesNumbersHeld: (string | number)[]];
  };
}

type AssignAnswer =
  | 'forgotten'
  | 'none'
  | [
      number: string,
      since: string,
      until: string,
      opened: 0 | 1,
      shared: 0 | 1,
      sharedWith: string,
      ...ended: string[],
    ];

export interface Script {
  lua: string;
  numberOfKeys: number;
}

/** The scripts of a folder by the names of their commands, `calltrk_` before each. */
export function readScripts(folder = new URL('lua/', import.meta.url)): Record<string, Script> {
  const read = (name: string) => readFileSync(new URL(name, folder), 'utf8');
  const common = read('pool.lua');
  const scripts: Record<string, Script> = {};
  for (const file of readdirSync(folder)) {
    const [, name, keys] = /^(\w+)-(\d+)\.lua$/.exec(file) ?? [];
    if (name) scripts[`calltrk_${name}`] = { lua: `${common}\n${read(file)}`, numberOfKeys: Number(keys) };
  }
  return scripts;
}

/** A time as the scripts take it: 16 digits, so that texts are ordered as the times are. */
export function padTime(time: number): string {
  return String(Math.max(0, Math.round(time))).padStart(16, '0');
}

/** What `assign` answered, in the words of the port. */
export function readLease(answer: AssignAnswer): Lease | null | 'forgotten' {
  if (answer === 'forgotten') return answer;
  if (answer === 'none') return null;
  const [number, since, until, opened, shared, sharedWith, ...past] = answer;
  const ended: Lease['ended'] = [];
  for (let at = 0; at < past.length; at += 2) {
    ended.push({ sessionId: past[at] ?? '', heldUntil: Number(past[at + 1]) });
  }
  return {
    number,
    since: Number(since),
    heldUntil: Number(until),
    opened: opened === 1,
    shared: shared === 1,
    sharedWith: sharedWith === '' ? [] : [sharedWith],
    ended,
  };
}

/** What `usage` answered, in the words of the port. */
export function readUsage(answer: Commands['usage']['answer']): PoolUsage | 'forgotten' {
  if (answer === 'forgotten') return answer;
  const [version, ...counts] = answer;
  const lanes: LaneUsage[] = [];
  for (let at = 0; at < counts.length; at += 3) {
    lanes.push({
      lane: String(counts[at]),
      numbers: Number(counts[at + 1]),
      held: Number(counts[at + 2]),
    });
  }
  const sumOf = (what: 'numbers' | 'held') => lanes.reduce((sum, lane) => sum + lane[what], 0);
  return { version: Number(version), numbers: sumOf('numbers'), held: sumOf('held'), lanes };
}

/**
 * How many numbers a pool needs. Numbers held for somebody alone are a loss system: visitors come as they like, each
 * holds one for the length of his visit and the hold after it, and who finds all held shares. So telephony's oldest
 * formula holds, Erlang's B (1917), whatever the lengths are distributed like.
 */

/** The shares of visitors who find a pool full for which a size is recommended. */
export const BLOCKING_GOALS = [0.05, 0.01, 0.001] as const;

/**
 * The share of arrivals that find all `numbers` held, 0 to 1, when `load` would be held on average if there were
 * enough (in Erlangs: arrivals an hour times hours held). Takes `numbers` steps.
 */
export function erlangB(load: number, numbers: number): number {
  if (!(load > 0)) return numbers > 0 ? 0 : 1;
  let blocking = 1;
  for (let n = 1; n <= numbers; n++) blocking = nextBlocking(load, n, blocking);
  return blocking;
}

/** The fewest numbers with which at most the share `goal` (above 0) of arrivals finds all held. */
export function numbersFor(load: number, goal: number): number {
  if (!(load > 0)) return 0;
  let numbers = 0;
  for (let blocking = 1; blocking > goal; numbers++) blocking = nextBlocking(load, numbers + 1, blocking);
  return numbers;
}

/** For each of 0 to `most` numbers the share of arrivals that find all held. */
export function blockingCurve(load: number, most: number): number[] {
  const curve = [1];
  for (let n = 1; n <= most; n++) curve.push(load > 0 ? nextBlocking(load, n, curve[n - 1] ?? 1) : 0);
  return curve;
}

/** B(A, n) from B(A, n − 1). All terms are positive, so nothing is lost by rounding, however large the load is. */
function nextBlocking(load: number, numbers: number, before: number): number {
  return (load * before) / (numbers + load * before);
}

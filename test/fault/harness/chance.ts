/** How long, and chance that can be repeated: FAULT_ROUNDS lengthens a run, FAULT_SEED repeats the choices of a run (not its timing). */

/** How often servers are killed; with more than the 10 of `npm test` every scenario takes longer, too. */
export const ROUNDS = Number(process.env.FAULT_ROUNDS ?? 10);
export const SEED = Number(process.env.FAULT_SEED ?? Math.floor(Math.random() * 1e9));

/** mulberry32: small, and the same numbers for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export const random = randomFrom(SEED);
export const between = (low: number, high: number) => low + random() * (high - low);
export const oneOf = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;

/** The same items in another order. */
export function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, place: random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);
}

export function sleep(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

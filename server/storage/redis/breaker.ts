/** After a failure, this long nothing is tried. */
const REST_MS = 1000;

export interface Breaker {
  /** Runs the work, unless work of the same name failed a moment ago: then it rejects at once. */
  run<T>(name: string, work: () => Promise<T>): Promise<T>;
}

/**
 * Spares requests the wait for what is not there: after a failure all work of that name fails for a second; then one
 * tries, and the others see how it went. Names are apart, so that a dead node of a cluster costs only its own pools.
 */
export function createBreaker(now: () => number = performance.now.bind(performance)): Breaker {
  /** Until when nothing of that name is tried. Who tries again moves it on, so that he is the only one. */
  const restUntil = new Map<string, number>();
  return {
    async run(name, work) {
      const rest = restUntil.get(name);
      if (rest !== undefined) {
        if (now() < rest) throw new Error('Redis did not answer a moment ago');
        restUntil.set(name, now() + REST_MS);
      }
      try {
        const value = await work();
        restUntil.delete(name);
        return value;
      } catch (error) {
        restUntil.set(name, now() + REST_MS);
        throw error;
      }
    },
  };
}

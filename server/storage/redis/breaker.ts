/** After a failure, this long nothing is tried. */
const REST_MS = 1000;
/** An answer so long ago says that there is somebody. */
const LATELY_MS = 100;

export interface Breaker {
  /**
   * Runs the work, unless work of the same name failed a moment ago: then it rejects at once. The work is told how to
   * see whether other work of its name is being answered.
   */
  run<T>(name: string, work: (isAnswered: () => boolean) => Promise<T>): Promise<T>;
}

interface State {
  /** Until when nothing is tried. Who tries again moves it on, so that he is the only one. */
  restUntil: number;
  answeredAt: number;
}

/**
 * Spares requests the wait for what is not there: after a failure all work of that name fails for a second; then one
 * tries, and the others see how it went. Names are apart, so that a dead node of a cluster costs only its own pools.
 * Work that failed while other work of its name got answers is late in a crowd: that is no reason to send all away.
 */
export function createBreaker(now: () => number = () => performance.now()): Breaker {
  const states = new Map<string, State>();
  return {
    async run(name, work) {
      const begun = now();
      const state = states.get(name) ?? { restUntil: 0, answeredAt: Number.NEGATIVE_INFINITY };
      states.set(name, state);
      if (begun < state.restUntil) throw new Error('Redis did not answer a moment ago');
      if (state.restUntil > 0) state.restUntil = begun + REST_MS;
      try {
        const value = await work(() => now() - state.answeredAt < LATELY_MS);
        state.answeredAt = now();
        state.restUntil = 0;
        return value;
      } catch (error) {
        if (state.answeredAt <= begun) state.restUntil = now() + REST_MS;
        throw error;
      }
    },
  };
}

import type { FastifyBaseLogger } from 'fastify';
import type { LiveDirectory } from './domain/directory.js';
import { indexDirectory } from './domain/directory.js';
import type { Pools } from './domain/pools.js';
import type { RecordStore } from './domain/ports.js';
import type { Metrics } from './metrics.js';

/** Each server looks this often for a changed directory; every change is on all of them within 5 s. */
const POLL_MS = 2000;
/** Every so many looks the pools are looked after, too. */
const POOLS_EVERY = 5;

export interface RefresherParts {
  records: Pick<RecordStore, 'directoryVersion' | 'loadDirectory'>;
  directory: LiveDirectory;
  pools: Pools;
  metrics: Pick<Metrics, 'pool'>;
  log: () => Pick<FastifyBaseLogger, 'warn'>;
}

export interface Refresher {
  /** Brings the directory and the pools up to date. Rejects when the record is away. */
  refresh(): Promise<void>;
  /** The same, and from then on again and again. */
  start(): Promise<void>;
  stop(): void;
}

/** Keeps this server's directory and pools as the record has them. */
export function createRefresher({ records, directory, pools, metrics, log }: RefresherParts): Refresher {
  let timer: NodeJS.Timeout | undefined;
  let turn: Promise<void> = Promise.resolve();
  let looks = 0;
  let poolsAreRight = true;

  /** One at a time, so that an older read never overwrites a newer one. */
  function refresh(): Promise<void> {
    const next = turn.then(async () => {
      if ((await records.directoryVersion()) === directory.current().version) return;
      const fresh = await records.loadDirectory();
      // Before a page can ask for them. With the leases away the directory must come all the same: calls need it.
      poolsAreRight = await pools.follow(indexDirectory(fresh), directory.current(), Date.now());
      directory.replace(fresh);
    });
    turn = next.catch(() => undefined);
    return next;
  }

  async function lookAfterPools(): Promise<void> {
    if (poolsAreRight && looks++ % POOLS_EVERY > 0) return;
    poolsAreRight = await pools.lookAfter(Date.now(), ({ trackerId }, { numbers, held }) => {
      metrics.pool.set({ tracker_id: trackerId, state: 'all' }, numbers);
      metrics.pool.set({ tracker_id: trackerId, state: 'held' }, held);
    });
  }

  return {
    refresh,
    async start() {
      await refresh();
      timer ??= setInterval(() => {
        refresh()
          .catch((error) => log().warn({ err: error }, 'the directory could not be read'))
          .then(lookAfterPools)
          .catch((error) => log().warn({ err: error }, 'the pools could not be looked after'));
      }, POLL_MS).unref();
    },
    stop() {
      clearInterval(timer);
    },
  };
}

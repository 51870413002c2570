/** How right calls are joined, by site, number of numbers and policy: the figures of `npm run bench:pool`. */
import { learnCallModel } from '../../../server/domain/call-learning.js';
import { oracle } from './oracle.js';
import { lastHolder, play, posterior, type Score } from './play.js';
import { atRandom, byHash, idleLongest, lanes, roundRobin } from './policies.js';
import { makeTraffic, SITES, type SimulatedVisit, type Site } from './traffic.js';

export const SIZES = [4, 8, 16, 32, 64];

export interface Row extends Score {
  site: string;
  numbers: number;
  policy: string;
}

/** What the engine does by default. */
export const ENGINE = 'lanes + posterior';
/** What others sell. */
export const INCUMBENT = 'idle longest + last holder';
/** The engine without its lanes. */
export const ONE_POOL = 'idle longest + posterior';
/** Rows that nobody can buy: they know the site's true figures. */
export const ORACLE = 'lanes + oracle';

/** Plays every policy on a site. `tell` is told of each row, as it takes minutes. */
export function measureSite(
  site: Site,
  seed: number,
  sizes: readonly number[],
  tell: (row: Row) => void,
): Row[] {
  const traffic = makeTraffic(site, seed);
  const learned = learnFrom(site, seed + 1000);
  const policies = {
    'at random + last holder': (size: number) => play(traffic, size, atRandom(size), lastHolder),
    'round robin + last holder': (size: number) => play(traffic, size, roundRobin(size), lastHolder),
    'by hash + last holder': (size: number) => play(traffic, size, byHash(size), lastHolder),
    [INCUMBENT]: (size: number) => play(traffic, size, idleLongest(size), lastHolder),
    [ONE_POOL]: (size: number) => play(traffic, size, idleLongest(size), posterior()),
    'lanes by source + posterior': (size: number) => play(traffic, size, lanes(size, 'source'), posterior()),
    [ENGINE]: (size: number) => play(traffic, size, lanes(size), posterior()),
    'lanes + learned posterior': (size: number) => play(traffic, size, lanes(size), posterior(learned)),
    [ORACLE]: (size: number) => play(traffic, size, lanes(size), oracle(site)),
  };
  return sizes.flatMap((numbers) =>
    Object.entries(policies).map(([policy, run]) => {
      const { seen: _, ...score } = run(numbers);
      const row = { site: site.name, numbers, policy, ...score };
      tell(row);
      return row;
    }),
  );
}

/** The model that the site's owner would have after some weeks: of other visitors than those it is tried on. */
function learnFrom(site: Site, seed: number) {
  const traffic = makeTraffic(site, seed);
  const { seen } = play(traffic, 16, lanes(16), posterior());
  const visits = seen.flatMap(({ history }) => history.leases.slice(20, 30));
  return learnCallModel(seen, visits);
}

export { makeTraffic, SITES, type SimulatedVisit, type Site };

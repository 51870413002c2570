/**
 * What lanes cost Redis: the scripts of the pool against those of the version before lanes (`without-lanes/`), on the
 * same traffic, in turn. Time is made up, so that holds begin, are renewed and run out as they do
 * in an hour of a busy site.
 */
import { Redis } from 'ioredis';
import { latestHold } from '../../server/domain/lease-pool.js';
import { padTime, readScripts, type Script } from '../../server/storage/redis/commands.js';
import { startRedis } from '../support/redis.js';
import { spread } from './load.js';

const BAR = 1.5;
const ROUNDS = 40;
const REQUESTS = 2000;
const PIPELINE = 500;
const HOLD = 20 * 60_000;
const START = 1_800_000_000_000;
/** Of all requests: first page views, and further ones; the rest are pings. */
const NEW = 0.25;
const VIEWS = 0.35;
/** Whoever is there pings once a minute. */
const PING_MS = 60_000;

const CASES = [
  { numbers: 64, lanes: 8, holders: 45, is: 'each alone' },
  { numbers: 64, lanes: 8, holders: 64_000, is: 'shared by a thousand' },
  { numbers: 5000, lanes: 30, holders: 3500, is: 'each alone' },
  { numbers: 5000, lanes: 30, holders: 100_000, is: 'shared by twenty' },
];

interface Ask {
  kind: 'assign' | 'renew';
  session: string;
  lane: string;
  now: number;
}

interface Loaded {
  sha: string;
  numberOfKeys: number;
}

interface Contender {
  name: string;
  scripts: Record<string, Script>;
  loaded: Record<string, Loaded>;
  remember(numbers: string[], lanes: string[]): (string | number)[];
  given(ask: Ask): string[];
  /** Of a script, by its own clock, in each round. */
  scriptUs: number[];
  /** Of a request, by the processor's. */
  cpuUs: number[];
}

/** Measures the cases, and prints what a request costs Redis with lanes and without. */
export async function benchLanes(): Promise<void> {
  const server = await startRedis();
  const redis = new Redis(server.port);
  const table: Record<string, object> = {};
  try {
    for (const one of CASES) {
      const [without, withLanes] = await measure(redis, one);
      process.stderr.write(`${one.numbers} numbers, ${one.is} · `);
      const ratioOf = (what: 'scriptUs' | 'cpuUs') =>
        spread(withLanes[what].map((us, at) => us / (without[what][at] ?? Number.NaN)));
      const name = `${one.numbers} numbers, ${one.is}`;
      table[`${name}: µs of a script without lanes`] = spread(without.scriptUs);
      table[`${name}: µs with ${one.lanes} lanes`] = spread(withLanes.scriptUs);
      table[`${name}: ratio of the two`] = ratioOf('scriptUs');
      table[`${name}: ratio of Redis' processor time (bar ${BAR})`] = ratioOf('cpuUs');
    }
    process.stderr.write('\n');
    console.table(table);
  } finally {
    redis.disconnect();
    await server.close();
  }
}

async function measure(
  redis: Redis,
  { numbers, lanes, holders }: (typeof CASES)[number],
): Promise<[without: Contender, withLanes: Contender]> {
  await redis.flushall();
  const contenders: [Contender, Contender] = [oldOnes(), newOnes()];
  const names = Array.from({ length: numbers }, (_, at) => `+1305${String(at).padStart(7, '0')}`);
  const lanesOf = Array.from({ length: lanes }, (_, at) => (at === 0 ? '*' : `google_ads campaign ${at}`));
  const traffic = createTraffic(holders, lanesOf);
  const before = traffic.arrivals();
  for (const contender of contenders) {
    for (const [script, { lua, numberOfKeys }] of Object.entries(contender.scripts)) {
      const sha = (await redis.script('LOAD', lua)) as string;
      contender.loaded[script.replace('calltrk_', '')] = { sha, numberOfKeys };
    }
    await run(redis, contender, [{ script: 'remember', given: contender.remember(names, lanesOf) }]);
    await ask(redis, contender, before);
  }
  for (let round = -3; round < ROUNDS; round++) {
    const asks = traffic.next(REQUESTS);
    // Now one goes first, now the other.
    for (const contender of round % 2 === 0 ? contenders : contenders.toReversed()) {
      await redis.config('RESETSTAT');
      const before = await cpuUs(redis);
      await ask(redis, contender, asks);
      const cpu = (await cpuUs(redis)) - before;
      const [, usec] =
        /cmdstat_evalsha:.*usec_per_call=([\d.]+)/.exec(await redis.info('commandstats')) ?? [];
      if (round < 0) continue;
      contender.scriptUs.push(Number(usec));
      contender.cpuUs.push(cpu / asks.length);
    }
  }
  return contenders;
}

/** Microseconds of processor time that Redis has used; what else runs on the machine does not count. */
async function cpuUs(redis: Redis): Promise<number> {
  const info = await redis.info('cpu');
  const [user = 0, system = 0] = ['user', 'sys'].map((kind) =>
    Number(new RegExp(`^used_cpu_${kind}:([\\d.]+)`, 'm').exec(info)?.[1]),
  );
  return (user + system) * 1e6;
}

/** So many holders at any time: a site where each who comes stays for some page views and is not seen again. */
function createTraffic(holders: number, lanes: string[]) {
  // A hold lasts for 20 minutes after a stay; those who are there are the rest.
  const stayMs = ((1 - NEW - VIEWS) / NEW) * PING_MS;
  const there = Math.max(2, Math.round(holders / (1 + HOLD / stayMs)));
  const stepMs = (PING_MS * (1 - NEW - VIEWS)) / there;
  const present: Ask[] = [];
  let now = START;
  let seed = holders;
  let sessions = 0;
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * below);
  };
  const arrive = (): Ask => {
    const session = `${String(sessions++).padStart(8, '0')}-0000-4000-8000-000000000000`;
    const one: Ask = { kind: 'assign', session, lane: lanes[random(lanes.length)] as string, now };
    present.push(one);
    if (present.length > there) present.shift();
    return one;
  };
  return {
    /** All who came within a hold. */
    arrivals: () =>
      Array.from({ length: holders }, () => {
        now += HOLD / holders;
        return { ...arrive() };
      }),
    next: (requests: number) =>
      Array.from({ length: requests }, (): Ask => {
        now += stepMs;
        const dice = random(1000) / 1000;
        if (dice < NEW) return { ...arrive() };
        const one = present[random(present.length)] as Ask;
        return { ...one, now, kind: dice < NEW + VIEWS ? 'assign' : 'renew' };
      }),
  };
}

function oldOnes(): Contender {
  return {
    name: 'without lanes',
    scripts: readScripts(new URL('without-lanes/', import.meta.url)),
    remember: (numbers) => [1, numbers.length, ...numbers],
    given({ kind, session, now }) {
      const until = padTime(now + HOLD);
      return kind === 'assign' ? [session, padTime(now), until, '1'] : [session, until];
    },
    loaded: {},
    scriptUs: [],
    cpuUs: [],
  };
}

function newOnes(): Contender {
  return {
    name: 'with lanes',
    scripts: readScripts(),
    remember: (numbers, lanes) => [
      1,
      numbers.length,
      ...numbers.flatMap((number, at) => [number, lanes[at % lanes.length] as string]),
    ],
    given({ kind, session, lane, now }) {
      const times = [padTime(now), padTime(now + HOLD), padTime(latestHold(now, HOLD))];
      return kind === 'assign' ? [session, lane, ...times, '1', '1'] : [session, ...times];
    },
    loaded: {},
    scriptUs: [],
    cpuUs: [],
  };
}

async function ask(redis: Redis, contender: Contender, asks: readonly Ask[]): Promise<void> {
  for (let at = 0; at < asks.length; at += PIPELINE) {
    const calls = asks
      .slice(at, at + PIPELINE)
      .map((one): Call => ({ script: one.kind, given: contender.given(one) }));
    await run(redis, contender, calls);
  }
}

interface Call {
  script: 'assign' | 'renew' | 'remember';
  given: (string | number)[];
}

async function run(
  redis: Redis,
  { name, loaded: scripts }: Contender,
  calls: readonly Call[],
): Promise<void> {
  const pipeline = redis.pipeline();
  for (const { script, given } of calls) {
    const { sha, numberOfKeys } = scripts[script] as Loaded;
    const keys = Array.from({ length: numberOfKeys }, (_, at) => `calltrk:{${name}}:${at}`);
    pipeline.evalsha(sha, numberOfKeys, ...keys, ...given);
  }
  for (const [error] of (await pipeline.exec()) ?? []) if (error) throw error;
}

/** The connection to Redis: never waits long, never gives up, and tells nobody's password. */
import { Cluster, Redis } from 'ioredis';
import type { RedisAddress } from './address.js';
import { type Commands, readScripts } from './commands.js';
import { within } from './deadline.js';

/** A request gets on without Redis after this: what else it needs must fit into 300 ms, too. */
const REQUEST_MS = 200;
/** … but waits longer in a crowd that is being served. */
const CROWD_MS = 1000;
const CONNECT_MS = 1000;
/** A connection that has not answered for so long is taken for dead, and another is made. */
const SILENCE_MS = 1000;
const MAX_BACKOFF_MS = 2000;

export interface RedisClient {
  /**
   * Runs a script. Rejects when there is no answer by the deadline, or within a second while `isAnswered` says that
   * others get theirs: then a crowd is waiting, not a dead Redis. It may have been run all the same.
   */
  run<Name extends keyof Commands>(
    name: Name,
    keys: string[],
    given: Commands[Name]['given'],
    isAnswered: () => boolean,
  ): Promise<Commands[Name]['answer']>;
  /** Resolves when Redis (of a cluster: each master) answers by the deadline. */
  ping(): Promise<void>;
  close(): void;
}

export interface RedisClientOptions {
  /** Plain sentences about Redis coming and going, and about settings that can lose leases. */
  warn: (message: string) => void;
  /** Each script, for the metrics. */
  onAnswer?: (seconds: number, outcome: 'answered' | 'failed') => void;
  /** Milliseconds that an answer may take; 200, as a request waits for it. */
  deadlineMs?: number;
}

type Run = (...args: (string | number)[]) => Promise<unknown>;

/** Begins to connect, and answers at once: Redis may be away, now or later. */
export function createRedisClient(address: RedisAddress, options: RedisClientOptions): RedisClient {
  const { warn, onAnswer = () => undefined, deadlineMs = REQUEST_MS } = options;
  const silenceMs = Math.max(SILENCE_MS, deadlineMs);
  const client = address.isCluster ? openCluster(address, silenceMs) : openServer(address, silenceMs);
  for (const [name, script] of Object.entries(readScripts())) client.defineCommand(name, script);
  let isClosing = false;
  tell(client, warn, () => isClosing);
  const scripts = client as unknown as Record<string, Run>;

  return {
    async run(name, keys, given, mayGoOn) {
      const begun = performance.now();
      const passed = () => (performance.now() - begun) / 1000;
      try {
        if (client.status !== 'ready') throw new Error('Redis is away');
        const work = scripts[`calltrk_${name}`]?.(...keys, ...given);
        const answer = await within(deadlineMs, work as Promise<never>, { mayGoOn, atMostMs: CROWD_MS });
        onAnswer(passed(), 'answered');
        return answer;
      } catch (error) {
        onAnswer(passed(), 'failed');
        throw error;
      }
    },
    async ping() {
      const nodes = client instanceof Cluster ? client.nodes('master') : [client];
      if (client.status !== 'ready' || nodes.length === 0) throw new Error('not connected');
      await within(deadlineMs, Promise.all(nodes.map((node) => node.ping())));
    },
    close() {
      isClosing = true;
      client.disconnect();
    },
  };
}

function connection({ tls, username, password }: RedisAddress, silenceMs: number) {
  return {
    username,
    password,
    ...(tls ? { tls: {} } : {}),
    // What every Redis, and every proxy before one, speaks.
    protocol: 2 as const,
    connectionName: 'calltrk',
    connectTimeout: CONNECT_MS,
    socketTimeout: silenceMs,
    keepAlive: 10_000,
    // Nobody waits for an answer to a command that is sent again after a break.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    // A master that has become a replica says so for ever: find the new one.
    reconnectOnError: (error: Error) => /^(READONLY|MASTERDOWN)/.test(error.message),
  };
}

function openServer(address: RedisAddress, silenceMs: number): Redis {
  const { host = '127.0.0.1', port = 6379 } = address.nodes[0] ?? {};
  return new Redis({
    ...connection(address, silenceMs),
    host,
    port,
    db: address.db,
    enableOfflineQueue: false,
    retryStrategy: backoff,
  });
}

function openCluster(address: RedisAddress, silenceMs: number): Cluster {
  return new Cluster(address.nodes, {
    redisOptions: connection(address, silenceMs),
    enableOfflineQueue: false,
    clusterRetryStrategy: backoff,
    // What a caller no longer waits for is not sent for long.
    maxRedirections: 5,
    retryDelayOnFailover: 50,
    retryDelayOnClusterDown: 100,
    // A certificate is for the name, not for the address behind it.
    ...(address.tls ? { dnsLookup: (name, done) => done(null, name) } : {}),
  });
}

function backoff(times: number): number {
  return Math.min(50 * 2 ** Math.min(times, 6), MAX_BACKOFF_MS) * (0.75 + Math.random() / 4);
}

/** Says when Redis comes and goes, once each, and looks at its settings when it is there first. */
function tell(client: Redis | Cluster, warn: (message: string) => void, isClosing: () => boolean): void {
  let state: 'unknown' | 'here' | 'away' = 'unknown';
  let isJudged = false;
  let reason = ENDED;
  client.on('error', (error: Error & { code?: string; command?: { name?: string } }) => {
    // Only the message: the error has the command with its arguments, which may be the password.
    // After a refusal comes another one, of the connection that is closed for it.
    if (!isRefused(reason)) reason = error.message || error.code || reason;
    // ioredis would go on in the database 0, which may be somebody else's.
    if (error.command?.name === 'select') client.disconnect(true);
  });
  client.on('close', () => {
    if (isClosing()) return;
    const what = isRefused(reason)
      ? `Redis refuses what REDIS_URL says (${reason}): check its user, password and database`
      : `Redis is away (${reason})`;
    reason = ENDED;
    if (state !== 'away') warn(`${what}; visitors keep the numbers that the record has for them`);
    state = 'away';
  });
  client.on('ready', () => {
    if (!isJudged) judgeSettings(client, warn);
    isJudged = true;
    if (state === 'away') warn('Redis is back');
    state = 'here';
  });
}

const ENDED = 'the connection ended';

/** Not gone, but not to be had so either. */
function isRefused(reason: string): boolean {
  return /^(NOAUTH|WRONGPASS|NOPERM|ERR (DB index|invalid (password|DB)|AUTH|Client sent AUTH))/i.test(
    reason,
  );
}

/** INFO, not CONFIG: a hosted Redis rarely lets anybody read CONFIG. Where both are forbidden, nothing is said. */
async function judgeSettings(client: Redis | Cluster, warn: (message: string) => void): Promise<void> {
  try {
    const nodes = client instanceof Cluster ? client.nodes('master') : [client];
    for (const node of nodes) {
      const info = `${await node.info('memory')}\n${await node.info('persistence')}`;
      const read = (name: string) => new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1];
      const policy = read('maxmemory_policy');
      if (policy !== undefined && /^allkeys/.test(policy)) {
        warn(`Redis evicts keys when its memory is full (maxmemory-policy ${policy}); set it to noeviction`);
      } else if (policy !== undefined && policy !== 'noeviction') {
        warn(`Redis has maxmemory-policy ${policy}; noeviction is what calltrk wants`);
      }
      if (read('aof_enabled') === '0') {
        warn(
          'Redis keeps no append-only file: a restart forgets leases, and they are read from the record again',
        );
      }
    }
  } catch {
    // Forbidden, or gone again.
  }
}

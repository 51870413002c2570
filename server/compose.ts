/** The one file that knows every adapter: it makes the stores, gives them to the rules, and the rules to the surfaces. */
import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { buildApp } from './app.js';
import type { Config } from './config.js';
import { callJudge } from './domain/calls.js';
import { createLiveDirectory, type LiveDirectory, type Lookup, type Route } from './domain/directory.js';
import { type PoolReport, reportPool } from './domain/pool-report.js';
import { createPools } from './domain/pools.js';
import type { PhoneNumber, RecordStore, ReportStore } from './domain/ports.js';
import { createSessions } from './domain/sessions.js';
import { createSwap } from './domain/swap.js';
import { createVisitorEvents } from './domain/visitor-events.js';
import { createAuth } from './http/auth.js';
import type { Dependency } from './http/health.js';
import { createLeaseBudgets } from './http/lease-budgets.js';
import { closeSilentCalls } from './jobs/close-silent-calls.js';
import { housekeepingJobs, journalJob, lateFactsJob } from './jobs/housekeeping.js';
import { learnCallModels } from './jobs/learn-call-models.js';
import { poolJobs } from './jobs/plan-lanes.js';
import { startJobs } from './jobs/runner.js';
import { type PoolHealth, watchPools } from './jobs/watch-pools.js';
import { createLinkTokens } from './link-tokens.js';
import { createMetrics, type Metrics } from './metrics.js';
import { createRefresher } from './refresher.js';
import { createRoutingFile } from './routing-file.js';
import { createRecordWriter, type JournalTold } from './storage/journal/writer.js';
import { createMemoryLeaseStore } from './storage/memory/lease-store.js';
import { bootstrap } from './storage/postgres/bootstrap.js';
import { createPool, type PostgresAddress } from './storage/postgres/connect.js';
import { createHousekeeping } from './storage/postgres/housekeeping.js';
import { deriveId, newId } from './storage/postgres/ids.js';
import { migrate } from './storage/postgres/migrate.js';
import {
  becomeOnlyServer,
  type NotOnlyServerError,
  type OnlyServer,
} from './storage/postgres/only-server.js';
import { createRecordStore } from './storage/postgres/record-store.js';
import { createReportStore } from './storage/postgres/report-store.js';
import { createRedisClient, type RedisClient } from './storage/redis/client.js';
import { within } from './storage/redis/deadline.js';
import { createRedisLeaseStore } from './storage/redis/lease-store.js';
import { simulateCall } from './telephony/simulator.js';
import { createTwilio } from './telephony/twilio.js';

export interface ServiceOptions {
  config: Config;
  postgres: PostgresAddress;
  apiKey: string;
  /** Null: TWILIO_AUTH_TOKEN is set and nobody else may report calls. */
  simulatorToken: string | null;
  /** Make the demo company on an empty database. */
  demo: boolean;
  projectRoot: string;
  version: string;
  /** For the person who starts it. */
  warn: (line: string) => void;
  /** No other server may use this database, or this embedded one. */
  alone: boolean;
  /** Another server took over the leases of this database: this one must stop. */
  onTakenOver: (error: NotOnlyServerError) => void;
}

export interface Service {
  app: FastifyInstance;
  /** Migrates, takes the leases, reads the directory. Rejects when Postgres is away; may be called again. */
  connect(): Promise<{ accountId: string; migrations: string[]; isKeyReplaced: boolean }>;
  /** Finishes what was begun, then lets go of everything. */
  close(): Promise<void>;
}

/** Jobs begin when the start is over, one after the other. */
const FIRST_JOB_MS = 2000;
const JOBS_APART_MS = 300;
/** New leases for one address within a minute. */
const LEASES_PER_MINUTE = 30;
/** What goes wrong with the leases is logged this often: it may be every request. */
const LEASE_LOG_MS = 10_000;

export async function compose(options: ServiceOptions): Promise<Service> {
  const { config, postgres, projectRoot } = options;
  const metrics = createMetrics();
  const directory = createLiveDirectory();
  let warn = options.warn;
  const redis = config.redis && openRedis(config.redis, metrics, (message) => warn(message));
  const routingFile = createRoutingFile(join(config.dataDir, 'routing.json'), options.warn);
  const routesOnDisk = await routingFile.read();

  let isClosing = false;
  // At an end Postgres may be stopped before it has seen each goodbye.
  const onError = (error: Error) => {
    if (!isClosing) app.log.warn({ err: error }, 'an idle connection to Postgres broke');
  };
  const pool = createPool(postgres, { name: 'main', max: 8, statementTimeoutMs: 5000, onError });
  const writePool = createPool(postgres, {
    name: 'writer',
    // One commit at a time: two at once cost a third more of Postgres for each entry, and brought no more a second.
    max: 1,
    statementTimeoutMs: 5000,
    onError,
  });
  const callPool = createPool(postgres, { name: 'calls', max: 3, statementTimeoutMs: 5000, onError });

  // A year of a large company's calls takes a while to find or to count; who asks for more waits in turn.
  const long = { statementTimeoutMs: 20_000, connectTimeoutMs: 30_000, onError };
  const listPool = createPool(postgres, { name: 'lists', max: 3, ...long });
  const sumPool = createPool(postgres, { name: 'summaries', max: 2, ...long });

  const records = createRecordStore({ pool, callPool, writePool });
  const writer = createRecordWriter({
    record: {
      commit: (entries) => records.commit(entries),
      recordCall: (report) => records.recordCall(report, callJudge),
      rejoinCalls: (since) => records.rejoinCalls(since, callJudge),
    },
    folder: join(config.dataDir, 'journal'),
    onCommit(entries, seconds) {
      metrics.commit.observe(seconds);
      metrics.commitEntries.observe(entries);
    },
    tell: (told) => tellOfJournal(told, app, metrics),
  });
  metrics.watchJournal(() => writer.waiting());
  const reports = createReportStore({ pool, listPool, sumPool }, callJudge);
  let loggedAt = Number.NEGATIVE_INFINITY;
  const pools = createPools({
    store: redis ? createRedisLeaseStore(redis) : createMemoryLeaseStore(),
    records,
    directory,
    elapsed: () => performance.now(),
    // What is in memory answers at once.
    within: redis ? within : (_ms, work) => work,
    count(what, error) {
      metrics.leaseStore.inc({ what });
      if (what !== 'away' || performance.now() - loggedAt < LEASE_LOG_MS) return;
      loggedAt = performance.now();
      // Only the message: an error of Redis carries its command.
      warn(`the leases could not be asked: ${error instanceof Error ? error.message : 'no reason given'}`);
    },
  });
  const route = (number: PhoneNumber): Route | undefined =>
    directory.current().version === '0' ? routesOnDisk.get(number) : directory.current().route(number);
  const publicUrl = () => config.publicUrl ?? `http://localhost:${boundPort(app) ?? config.port}`;

  const auth = createAuth(reports);
  const sessions = createSessions({
    records,
    defer: setImmediate,
    after(ms, work) {
      const timer = setTimeout(work, ms);
      return () => clearTimeout(timer);
    },
    alone: redis === undefined,
  });
  const links = createLinkTokens();
  const visitor = { directory, sessions, pools, writer, deriveId };
  const app = await buildApp({
    logLevel: config.logLevel,
    trustProxy: config.trustProxy,
    version: options.version,
    metrics,
    visitor: {
      swap: createSwap({
        ...visitor,
        links,
        count: (what) => metrics.leases.inc({ kind: what.replace('lease_', '') }),
      }),
      receive: createVisitorEvents({
        ...visitor,
        newFormId: () => newId('FOR'),
        newPersonId: () => newId('PER'),
      }),
      budgets: createLeaseBudgets(LEASES_PER_MINUTE),
      cookieDays: (key) => directory.current().companyByKey(key)?.cookieDays ?? 0,
      count: (what, by = 1) =>
        what === 'swap'
          ? metrics.swaps.inc(by)
          : metrics.events.inc({ outcome: what.replace('event_', '') }, by),
    },
    assets: {
      script: await readFile(join(projectRoot, 'dist/snippet/swap.js'), 'utf8'),
      types: await readFile(join(projectRoot, 'dist/snippet/calltrk.d.ts'), 'utf8'),
      directory,
    },
    telephony: {
      providers:
        config.twilioAuthTokens.length > 0 || options.simulatorToken !== null
          ? [
              createTwilio({
                authTokens: config.twilioAuthTokens,
                simulatorToken: options.simulatorToken,
                publicUrl,
              }),
            ]
          : [],
      writer,
      route,
      count: (what) => metrics.calls.inc({ outcome: what.replace('call_', '') }),
    },
    reporting: { reports, auth, onDirectoryChange: () => refresher.refresh(), publicUrl: config.publicUrl },
    health: {
      ready: () => readiness(records, directory, redis),
      metrics: metrics.registry,
      insiders: auth.loopbackOrKey,
    },
    demo: {
      directory,
      insiders: auth.loopbackOrKey,
      poolReport: (companyId) => reportFirstPool(directory.current(), reports, companyId),
      placeCall:
        options.simulatorToken === null
          ? null
          : placeCall(options.simulatorToken, records, publicUrl, () => app),
    },
  });

  warn = (message) => app.log.warn(message);
  const refresher = createRefresher({ records, directory, pools, metrics, log: () => app.log });
  directory.onChange((lookup) => {
    routingFile
      .write(lookup.routes())
      .catch((error) => app.log.error({ err: error }, 'routing.json was not written'));
  });

  // At once, so that it can be seen what waits, although Postgres may be away.
  await writer
    .adopt()
    .catch((error) => app.log.error({ err: error }, 'journals that were left cannot be read'));

  let onlyServer: OnlyServer | undefined;
  let jobs: ReturnType<typeof startJobs> | undefined;
  return {
    app,
    async connect() {
      // First of all: a newer version must not migrate the database of a server that runs.
      onlyServer ??= await becomeOnlyServer(postgres, {
        alone: options.alone,
        redisDb: config.redis?.db,
        onLost: options.onTakenOver,
      });
      const { applied } = await migrate(pool);
      const { accountId, linkSecret, isKeyReplaced } = await bootstrap(pool, {
        apiKey: options.apiKey,
        demo: options.demo,
      });
      links.useSecret(linkSecret);
      // Before anybody is served: what earlier processes acknowledged comes first.
      await writer.open();
      await refresher.start();
      const housekeeping = createHousekeeping(pool);
      const work = [
        ...housekeepingJobs(housekeeping),
        ...poolJobs(housekeeping),
        learnCallModels(housekeeping),
        watchPools(records, (pools) => tellOfPools(pools, metrics)),
        closeSilentCalls(housekeeping, (report) => writer.writeCall(report)),
        journalJob(writer),
        lateFactsJob(housekeeping, callJudge),
      ];
      jobs ??= startJobs(work, {
        firstMs: FIRST_JOB_MS,
        apartMs: JOBS_APART_MS,
        onError(job, error, inARow) {
          // Once is soon forgotten: a start on a busy machine, a Postgres that is away for a moment.
          if (inARow === 1) app.log.info({ job, reason: reasonOf(error) }, 'a job failed; it is tried again');
          else app.log.warn({ err: error, job }, 'a job failed; it is tried again');
        },
      });
      return { accountId, migrations: applied, isKeyReplaced };
    },
    async close() {
      refresher.stop();
      await jobs?.stop();
      await app.close();
      await writer.close();
      isClosing = true;
      redis?.close();
      await onlyServer?.release();
      await Promise.all([pool, writePool, callPool, listPool, sumPool].map((one) => one.end()));
    },
  };
}

/** What the journal tells becomes a log line and, where an alarm can be set on it, a number. */
function tellOfJournal(told: JournalTold, { log }: FastifyInstance, { journal }: Metrics): void {
  const { what, ...facts } = told;
  // A refusal speaks to a client; what stopped the record is its cause.
  const reason = 'reason' in told ? { err: (told.reason as Error).cause ?? told.reason } : {};
  const lines = 'lines' in told ? told.lines : 1;
  if (what === 'began') log.warn(reason, 'the record does not answer in time: writing to the journal');
  else if (what === 'emptied') log.warn(facts, 'the journal is drained: the record has everything');
  else if (what === 'adopted') log.warn(facts, 'a journal of a process that is gone was taken over');
  else log.error({ ...facts, ...reason }, JOURNAL_ERRORS[what]);
  journal.inc({ what }, lines);
}

const JOURNAL_ERRORS = {
  damaged: 'damaged lines of a journal were left out; they are kept in this file',
  parked: 'the record refuses what was journalled for good; it is kept in this file',
  stuck: 'the journal cannot be drained; it is tried again',
  refused: 'neither the record nor the journal took a write: the client was told to come back',
} as const;

/** How the first pool of a company fares, with its last day. */
async function reportFirstPool(
  lookup: Lookup,
  reports: ReportStore,
  companyId: string,
): Promise<PoolReport | null> {
  const company = lookup.companyById(companyId);
  const tracker = lookup.trackers.find((one) => one.companyId === companyId && one.type === 'session');
  if (!company || !tracker) return null;
  const now = Date.now();
  const traffic = await reports.poolTraffic(company.accountId, tracker.trackerId, now);
  return traffic && reportPool(traffic, now, 24);
}

function tellOfPools(pools: readonly PoolHealth[], metrics: Metrics): void {
  // Pools that are gone leave no last word behind.
  for (const gauge of [metrics.poolLoad, metrics.poolRecommended, metrics.poolLeases]) gauge.reset();
  for (const { trackerId: tracker_id, offeredLoad, recommended, leases, shared } of pools) {
    metrics.poolLoad.set({ tracker_id }, offeredLoad);
    metrics.poolLeases.set({ tracker_id, state: 'all' }, leases);
    metrics.poolLeases.set({ tracker_id, state: 'shared' }, shared);
    for (const { blocking, numbers } of recommended)
      metrics.poolRecommended.set({ tracker_id, blocking }, numbers);
  }
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? cause.message : message;
}

function boundPort(app: FastifyInstance): number | undefined {
  const address = app.server.address();
  return typeof address === 'object' && address !== null ? address.port : undefined;
}

async function readiness(
  records: RecordStore,
  directory: LiveDirectory,
  redis: RedisClient | undefined,
): Promise<Record<string, Dependency>> {
  const postgres: Dependency = await records.directoryVersion().then(
    () => ({ ok: true }),
    ({ cause = {} }: { cause?: { code?: string } }) => ({ ok: false, detail: cause.code ?? 'no answer' }),
  );
  const loaded = directory.current().version !== '0';
  return {
    postgres,
    ...(redis ? { redis: await answers(redis) } : {}),
    directory: loaded
      ? { ok: true }
      : { ok: false, detail: 'not read yet; calls use routing.json of the last run' },
  };
}

async function answers(redis: RedisClient): Promise<Dependency> {
  return redis.ping().then(
    () => ({ ok: true }),
    (error: Error) => ({ ok: false, detail: error.message }),
  );
}

function openRedis(
  address: NonNullable<Config['redis']>,
  metrics: Metrics,
  warn: (message: string) => void,
): RedisClient {
  const answered = metrics.redis.labels('answered');
  const failed = metrics.redis.labels('failed');
  return createRedisClient(address, {
    warn,
    onAnswer: (seconds, outcome) => (outcome === 'answered' ? answered : failed).observe(seconds),
  });
}

/** Plays a call against this very server, over HTTP, and reads how it was joined. */
function placeCall(token: string, records: RecordStore, publicUrl: () => string, app: () => FastifyInstance) {
  return async (companyId: string, from: PhoneNumber, to: PhoneNumber) => {
    const baseUrl = `http://127.0.0.1:${boundPort(app())}`;
    const script = { answer: 'answered', talkSeconds: randomInt(20, 240) } as const;
    const { callSid } = await simulateCall({ baseUrl, publicUrl: publicUrl(), token, from, to, ...script });
    return records.findCall(companyId, 'twilio', callSid);
  };
}

/** The one file that knows every adapter: it makes the stores, gives them to the rules, and the rules to the surfaces. */
import { randomInt, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { buildApp } from './app.js';
import type { Config } from './config.js';
import { createCalls } from './domain/calls.js';
import { createLiveDirectory, type LiveDirectory, type Route } from './domain/directory.js';
import type { LeaseStore, PhoneNumber, RecordStore } from './domain/ports.js';
import { createSessions } from './domain/sessions.js';
import { createSwap } from './domain/swap.js';
import { createVisitorEvents } from './domain/visitor-events.js';
import { createAuth } from './http/auth.js';
import type { Dependency } from './http/health.js';
import { createLeaseBudgets } from './http/lease-budgets.js';
import { housekeepingJobs } from './jobs/housekeeping.js';
import { startJobs } from './jobs/runner.js';
import { createMetrics, type Metrics } from './metrics.js';
import { createRoutingFile } from './routing-file.js';
import { createMemoryLeaseStore } from './storage/memory/lease-store.js';
import { bootstrap } from './storage/postgres/bootstrap.js';
import { createPool, type PostgresAddress } from './storage/postgres/connect.js';
import { createHousekeeping } from './storage/postgres/housekeeping.js';
import { newId } from './storage/postgres/ids.js';
import { migrate } from './storage/postgres/migrate.js';
import {
  becomeOnlyServer,
  type NotOnlyServerError,
  type OnlyServer,
} from './storage/postgres/only-server.js';
import { createRecordStore } from './storage/postgres/record-store.js';
import { createReportStore } from './storage/postgres/report-store.js';
import { createRecordWriter } from './storage/postgres/writer.js';
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
  /** Another server took over the leases of this database: this one must stop. */
  onTakenOver: (error: NotOnlyServerError) => void;
}

export interface Service {
  app: FastifyInstance;
  /** Migrates, takes the leases, reads the directory. Rejects when Postgres is away; may be called again. */
  connect(): Promise<{ accountId: string; migrations: string[] }>;
  /** Finishes what was begun, then lets go of everything. */
  close(): Promise<void>;
}

/** New leases for one address within a minute. */
const LEASES_PER_MINUTE = 30;
/** Each server looks this often for a changed directory; every change is on all of them within 5 s. */
const DIRECTORY_POLL_MS = 2000;

export async function compose(options: ServiceOptions): Promise<Service> {
  const { config, postgres, projectRoot } = options;
  const metrics = createMetrics();
  const directory = createLiveDirectory();
  const leases = createMemoryLeaseStore();
  const routingFile = createRoutingFile(join(config.dataDir, 'routing.json'), options.warn);
  const routesOnDisk = await routingFile.read();

  const onError = (error: Error) => app.log.warn({ err: error }, 'an idle connection to Postgres broke');
  const pool = createPool(postgres, { name: 'main', max: 8, statementTimeoutMs: 5000, onError });
  const writePool = createPool(postgres, { name: 'writer', max: 1, statementTimeoutMs: 5000, onError });
  const callPool = createPool(postgres, { name: 'calls', max: 3, statementTimeoutMs: 5000, onError });

  const records = createRecordStore({ pool, callPool });
  const writer = createRecordWriter(writePool, {
    onCommit(entries, seconds) {
      metrics.commit.observe(seconds);
      metrics.commitEntries.observe(entries);
    },
  });
  const reports = createReportStore(pool);
  const calls = createCalls(records, directory);
  const route = (number: PhoneNumber): Route | undefined =>
    directory.current().version === '0' ? routesOnDisk.get(number) : directory.current().route(number);
  const publicUrl = () => config.publicUrl ?? `http://localhost:${boundPort(app) ?? config.port}`;

  const auth = createAuth(reports);
  const sessions = createSessions(records, setImmediate);
  const visitor = { directory, sessions, leases, writer, newId: randomUUID };
  const app = await buildApp({
    logLevel: config.logLevel,
    trustProxy: config.trustProxy,
    version: options.version,
    metrics,
    visitor: {
      swap: createSwap({
        ...visitor,
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
    assets: { script: await readFile(join(projectRoot, 'dist/snippet/swap.js'), 'utf8'), directory },
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
      calls,
      route,
      count: (what) => metrics.calls.inc({ outcome: what.replace('call_', '') }),
    },
    reporting: { reports, auth, onDirectoryChange: () => refresher.refresh(), publicUrl: config.publicUrl },
    health: {
      ready: () => readiness(records, directory),
      metrics: metrics.registry,
      insiders: auth.loopbackOrKey,
    },
    demo: {
      directory,
      insiders: auth.loopbackOrKey,
      placeCall:
        options.simulatorToken === null
          ? null
          : placeCall(options.simulatorToken, records, publicUrl, () => app),
    },
  });

  const refresher = createRefresher({ records, directory, leases, metrics, app });
  directory.onChange((lookup) => {
    routingFile
      .write(lookup.routes())
      .catch((error) => app.log.error({ err: error }, 'routing.json was not written'));
  });

  let onlyServer: OnlyServer | undefined;
  let jobs: ReturnType<typeof startJobs> | undefined;
  return {
    app,
    async connect() {
      // First of all: a newer version must not migrate the database of a server that runs.
      onlyServer ??= await becomeOnlyServer(postgres, options.onTakenOver);
      const { applied } = await migrate(pool);
      const { accountId } = await bootstrap(pool, {
        apiKey: options.apiKey,
        demo: options.demo,
      });
      await refresher.start();
      jobs ??= startJobs(housekeepingJobs(createHousekeeping(pool)), (job, error) =>
        app.log.warn({ err: error, job }, 'a job failed; it is tried again'),
      );
      return { accountId, migrations: applied };
    },
    async close() {
      refresher.stop();
      await jobs?.stop();
      await app.close();
      await writer.drain();
      await onlyServer?.release();
      await Promise.all([pool.end(), writePool.end(), callPool.end()]);
    },
  };
}

function boundPort(app: FastifyInstance): number | undefined {
  const address = app.server.address();
  return typeof address === 'object' && address !== null ? address.port : undefined;
}

async function readiness(
  records: RecordStore,
  directory: LiveDirectory,
): Promise<Record<string, Dependency>> {
  const postgres: Dependency = await records.directoryVersion().then(
    () => ({ ok: true }),
    ({ cause = {} }: { cause?: { code?: string } }) => ({ ok: false, detail: cause.code ?? 'no answer' }),
  );
  const loaded = directory.current().version !== '0';
  return {
    postgres,
    directory: loaded
      ? { ok: true }
      : { ok: false, detail: 'not read yet; calls use routing.json of the last run' },
  };
}

interface RefresherParts {
  records: RecordStore;
  directory: LiveDirectory;
  leases: LeaseStore;
  metrics: Metrics;
  app: FastifyInstance;
}

/** Keeps this server's directory and pools as the record has them. */
function createRefresher({ records, directory, leases, metrics, app }: RefresherParts) {
  let timer: NodeJS.Timeout | undefined;
  let turn: Promise<void> = Promise.resolve();

  /** One at a time, so that an older read never overwrites a newer one. */
  function refresh(): Promise<void> {
    const next = turn.then(async () => {
      if ((await records.directoryVersion()) === directory.current().version) return;
      const first = directory.current().version === '0';
      const fresh = await records.loadDirectory();
      const gone = directory
        .current()
        .trackers.filter((old) => !fresh.trackers.some(({ trackerId }) => trackerId === old.trackerId));
      for (const { companyId, trackerId } of gone) await leases.setPool({ companyId, trackerId }, []);
      for (const { companyId, trackerId, type, active, numbers } of fresh.trackers) {
        if (type === 'session') await leases.setPool({ companyId, trackerId }, active ? numbers : []);
      }
      // Before the first number is handed out: who held one when the last process ended holds it still.
      if (first) await leases.restore(await records.rememberedLeases(Date.now()));
      directory.replace(fresh);
    });
    turn = next.catch(() => undefined);
    return next;
  }

  async function measurePools(): Promise<void> {
    for (const { companyId, trackerId, type, active } of directory.current().trackers) {
      if (type !== 'session' || !active) continue;
      const { numbers, held } = await leases.usage({ companyId, trackerId }, Date.now());
      metrics.pool.set({ tracker_id: trackerId, state: 'all' }, numbers);
      metrics.pool.set({ tracker_id: trackerId, state: 'held' }, held);
    }
  }

  return {
    refresh,
    async start() {
      await refresh();
      timer ??= setInterval(() => {
        refresh()
          .then(measurePools)
          .catch((error) => app.log.warn({ err: error }, 'the directory could not be read'));
      }, DIRECTORY_POLL_MS).unref();
    },
    stop() {
      clearInterval(timer);
    },
  };
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

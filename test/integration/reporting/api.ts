import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify';
import pg from 'pg';
import { callJudge } from '../../../server/domain/calls.js';
import { createAuth } from '../../../server/http/auth.js';
import { installErrorHandlers } from '../../../server/http/errors.js';
import { reportingRoutes } from '../../../server/http/reporting/index.js';
import { migrate } from '../../../server/storage/postgres/migrate.js';
import { createReportStore } from '../../../server/storage/postgres/report-store.js';
import { startPostgres, type TestPostgres } from '../../support/postgres.js';
import { type Member, seedAccount } from '../../support/seed.js';

/** The reporting API over a database of its own. */
export interface TestApi {
  app: FastifyInstance;
  pool: pg.Pool;
  postgres: TestPostgres;
  /** The user in whose name requests go out. */
  member: Member;
  /** How often the directory was said to have changed. */
  changes(): number;
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  get(path: string, options?: CallOptions): Promise<Answer>;
  close(): Promise<void>;
}

interface CallOptions {
  body?: unknown;
  key?: string;
  headers?: Record<string, string>;
}

export interface Answer {
  status: number;
  /** A test reads what it expects to be there. */
  body: any;
  text: string;
  headers: Record<string, unknown>;
}

/** Noon in New York, in the winter. */
export const NOW = Date.parse('2026-02-15T17:00:00Z');

export async function startApi({
  publicUrl = undefined as string | undefined,
  server = {} as FastifyServerOptions,
} = {}): Promise<TestApi> {
  const postgres = await startPostgres();
  const pool = new pg.Pool({ connectionString: await postgres.createDatabase(), max: 4 });
  pool.on('error', () => undefined);
  await migrate(pool);
  const member = await seedAccount(pool);
  let changed = 0;
  const app = Fastify({ logger: false, ...server });
  installErrorHandlers(app);
  const reports = createReportStore({ pool, listPool: pool, sumPool: pool }, callJudge);
  await app.register(reportingRoutes, {
    reports,
    auth: createAuth(reports),
    publicUrl,
    now: () => NOW,
    onDirectoryChange: async () => {
      changed += 1;
    },
  });
  await app.ready();

  const call = async (method: string, path: string, options: CallOptions = {}): Promise<Answer> => {
    const answer = await app.inject({
      method: method as 'GET',
      url: path.startsWith('/') ? path : `/v3/a/${member.accountId}/${path}`,
      headers: {
        host: 'calls.example',
        authorization: `Token token="${options.key ?? member.key}"`,
        ...options.headers,
      },
      ...(options.body === undefined ? {} : { payload: options.body as object }),
    });
    return {
      status: answer.statusCode,
      text: answer.body,
      body: answer.body === '' ? undefined : JSON.parse(answer.body),
      headers: answer.headers,
    };
  };

  return {
    app,
    pool,
    postgres,
    member,
    changes: () => changed,
    call,
    get: (path, options) => call('GET', path, options),
    async close() {
      await app.close();
      await pool.end();
      await postgres.close();
    },
  };
}

/** The process: environment, Postgres, application, socket, signals. Everything that happens once is here. */
import { access, constants, mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import closeWithGrace from 'close-with-grace';
import { compose, type Service } from './compose.js';
import { type Config, ConfigError, loadConfig } from './config.js';
import { isLoopback } from './http/peers.js';
import { readOrMakeSecret } from './secrets.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './storage/embedded/index.js';
import type { PostgresAddress } from './storage/postgres/connect.js';
import { NotOnlyServerError } from './storage/postgres/only-server.js';

/** In-flight requests get this long when the process is told to end. */
const GRACE_MS = 10_000;
const RECONNECT_MS = 1000;

/** Plain lines for the person who starts it; logs and the ready line are on stdout. */
const say = (line: string) => process.stderr.write(`calltrk: ${line}\n`);

try {
  await start();
} catch (error) {
  say(error instanceof ConfigError ? error.message : explain(error as Error));
  process.exit(1);
}

async function start(): Promise<void> {
  const config = loadConfig(process.env);
  const projectRoot = dirname(await findUp('package.json'));
  const { version } = JSON.parse(await readFile(join(projectRoot, 'package.json'), 'utf8')) as {
    version: string;
  };
  await openDataDir(config.dataDir);

  const keyFile = config.apiKey === undefined ? join(config.dataDir, 'api-key') : null;
  const apiKey = config.apiKey ?? (await readOrMakeSecret(join(config.dataDir, 'api-key')));
  const simulatorToken =
    config.twilioAuthTokens.length > 0
      ? null
      : await readOrMakeSecret(join(config.dataDir, 'simulator-token'));

  const embedded = config.databaseUrl === undefined ? await startEmbedded(config, projectRoot) : undefined;
  let service: Service | undefined;
  const end = async () => {
    await service?.close();
    await embedded?.stop();
  };
  try {
    const postgres: PostgresAddress = embedded
      ? { ...embedded.connection, ssl: false }
      : { connectionString: config.databaseUrl ?? '' };
    service = await compose({
      config,
      postgres,
      apiKey,
      simulatorToken,
      demo: isLoopback(config.host),
      projectRoot,
      version,
      onTakenOver(error) {
        say(`${error.message}; this one stops.`);
        process.exit(1);
      },
    });
    const accountId = await connect(service, config);
    await service.app.listen({ port: config.port, host: config.host });
    closeWithGrace({ delay: GRACE_MS, logger: false }, async ({ signal, err }) => {
      if (err) service?.app.log.fatal({ err }, 'uncaught error');
      say(`${signal ?? 'error'}: finishing what was begun …`);
      await end();
      say('stopped.');
    });
    announce(service, config, accountId, keyFile);
  } catch (error) {
    // Another server runs on this Postgres, so it is not ours to stop.
    if (error instanceof NotOnlyServerError) await service?.close();
    else await end();
    throw error;
  }
}

async function startEmbedded(config: Config, projectRoot: string): Promise<EmbeddedPostgres> {
  say(`starting the embedded Postgres in ${config.dataDir} (the first time takes a few seconds) …`);
  return startEmbeddedPostgres({
    dataDir: config.dataDir,
    projectRoot,
    log: (message, facts) => say(facts ? `${message} ${JSON.stringify(facts)}` : message),
  });
}

/**
 * Connects to the record. An embedded Postgres must be there; a given one may be away: then the server starts all the
 * same, forwards calls from routing.json, and keeps trying.
 */
async function connect(service: Service, config: Config): Promise<string | undefined> {
  try {
    const { accountId, migrations } = await service.connect();
    if (migrations.length > 0) say(`database ready, ${migrations.length} migration(s) applied.`);
    return accountId;
  } catch (error) {
    if (error instanceof NotOnlyServerError) throw error;
    if (config.databaseUrl === undefined || !isAway(error)) throw error;
    say(`the database is away (${(error as Error).message}); starting without it and trying again.`);
    retry(service);
    return undefined;
  }
}

function retry(service: Service): void {
  setTimeout(async () => {
    try {
      await service.connect();
      say('the database is back.');
    } catch (error) {
      if (error instanceof NotOnlyServerError) {
        say(explain(error));
        process.exit(1);
      }
      retry(service);
    }
  }, RECONNECT_MS);
}

/** Not reached, refused, or not ready: what goes away by itself. A wrong password does not. */
function isAway(error: unknown): boolean {
  const { code = '', message = '' } = error as { code?: string; message?: string };
  return (
    /^(E[A-Z_]+|08...|57P0.|53300)$/.test(code) || /timeout|terminated|ended unexpectedly/i.test(message)
  );
}

async function openDataDir(dataDir: string): Promise<void> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o755 });
    await access(dataDir, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new Error(
      `DATA_DIR ${dataDir} cannot be used: ${(error as Error).message}. Make it writable, or set another.`,
    );
  }
}

function announce(
  service: Service,
  config: Config,
  accountId: string | undefined,
  keyFile: string | null,
): void {
  const address = service.app.server.address();
  const port = typeof address === 'object' && address ? address.port : config.port;
  const url = config.publicUrl ?? `http://localhost:${port}`;
  const facts = {
    url,
    demo: `${url}/demo`,
    account: accountId ?? '-',
    key_file: keyFile ?? '-',
    pid: String(process.pid),
  };
  const encoded = Object.entries(facts).map(([name, value]) => `${name}=${encodeFact(value)}`);
  process.stdout.write(`calltrk ready ${encoded.join(' ')}\n`);
}

/** Percent-encodes what would end or break a value; an ordinary URL or path stays readable. */
function encodeFact(value: string): string {
  return encodeURI(value).replace(/[=]/g, encodeURIComponent);
}

function explain(error: Error & { code?: string; port?: number; address?: string }): string {
  if (error instanceof NotOnlyServerError) {
    return (
      `${error.message}. Leases are kept in the memory of one server: stop the other one` +
      `${error.holder ? ` (kill ${error.holder})` : ''}, or give this one another DATA_DIR or DATABASE_URL. ` +
      'Several servers on one database need REDIS_URL.'
    );
  }
  if (error.code === 'EADDRINUSE') {
    return `port ${error.port} on ${error.address} is in use. Stop what uses it, or set PORT (0 takes a free one).`;
  }
  if (error.code === 'EACCES' && error.port !== undefined) {
    return `port ${error.port} may not be used by this user. Set PORT to 1024 or more.`;
  }
  return `could not start: ${error.message}`;
}

async function findUp(name: string): Promise<string> {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const path = join(folder, name);
    const found = await access(path).then(
      () => true,
      () => false,
    );
    if (found) return path;
    if (folder === dirname(folder)) throw new Error(`${name} was not found above ${import.meta.url}`);
    folder = dirname(folder);
  }
}

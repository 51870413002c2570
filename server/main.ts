/** The process: environment, Postgres, application, socket, signals. Everything that happens once is here. */
import { access, chmod, constants, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import closeWithGrace from 'close-with-grace';
import { compose, type Service } from './compose.js';
import { type Config, ConfigError, loadConfig } from './config.js';
import { isRefusal } from './domain/errors.js';
import { isLoopback } from './http/peers.js';
import { PortError, requirePort } from './port.js';
import { findProject } from './project.js';
import { readOrMakeSecret } from './secrets.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './storage/embedded/index.js';
import type { PostgresAddress } from './storage/postgres/connect.js';
import { NotOnlyServerError } from './storage/postgres/only-server.js';

/** Behind a proxy requests are still answered for this long, while /healthz says 503 and the proxy looks elsewhere. */
const LEAVE_MS = 3000;
/** The whole end after that may take this long; then it is broken off. */
const GRACE_MS = 10_000;
/** Of that, requests that have begun get this much to become complete. */
const REQUESTS_MS = 5000;
const RECONNECT_MS = 1000;
/** An embedded Postgres that went away while we start was stopped by a server that was ending, or is restarted. */
const EMBEDDED_PATIENCE_MS = 15_000;

/** Plain lines for the person who starts it; logs and the ready line are on stdout. */
const say = (line: string) => process.stderr.write(`calltrk: ${line}\n`);

/** What there is so far, for the end to stop. */
let config: Config | undefined;
let service: Service | undefined;
let embedded: EmbeddedPostgres | undefined;
/** False while another server may be using the embedded Postgres: then it is not ours to stop. */
let isAlone = false;
const told = new AbortController();
/** Somebody waits at the keyboard. */
const hurry = new AbortController();

// Who reads our output may leave (`npm start | head`): no reason to end.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
endWhenTold();
const starting = start().catch(async (error) => {
  if (told.signal.aborted) return;
  await end();
  say(explain(error as Error));
  process.exit(1);
});

async function start(): Promise<void> {
  config = loadConfig(process.env, process.argv.slice(2));
  const { root: projectRoot, version } = await findProject();
  // First of all: a start that cannot succeed makes no database.
  await requirePort(config);
  await openDataDir(config.dataDir);

  const keyFile = config.apiKey === undefined ? join(config.dataDir, 'api-key') : null;
  const apiKey = config.apiKey ?? (await readOrMakeSecret(join(config.dataDir, 'api-key')));
  const simulatorToken =
    config.twilioAuthTokens.length > 0
      ? null
      : await readOrMakeSecret(join(config.dataDir, 'simulator-token'));

  told.signal.throwIfAborted();
  if (config.databaseUrl === undefined) {
    embedded = await startEmbedded(config, projectRoot);
    isAlone = !embedded.adopted;
  }
  told.signal.throwIfAborted();
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
    warn: say,
    alone: config.redis === undefined || embedded !== undefined,
    onTakenOver(error) {
      say(`${error.message}; this one stops.`);
      process.exit(1);
    },
  });
  const accountId = await connect(service, config);
  told.signal.throwIfAborted();
  await service.app.listen({ port: config.port, host: config.host });
  announce(service, config, accountId, keyFile);
}

/** On a signal, or an error that nobody caught: requests first, then the record, Postgres last. */
function endWhenTold(): void {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  let first: (typeof signals)[number] | undefined;
  const delay = LEAVE_MS + GRACE_MS;
  const onTimeout = () => say(`not done within ${delay / 1000} s; broken off.`);
  const grace = closeWithGrace({ delay, logger: false, skip: [...signals], onTimeout }, finish);
  async function finish({ signal, err }: { signal?: string; err?: Error }) {
    if (signal) say(`${signal}: finishing what was begun …`);
    if (err && service) service.app.log.fatal({ err }, 'uncaught error');
    else if (err) say(`uncaught error: ${err.stack}`);
    told.abort(new Error('told to end'));
    await starting;
    if (first === 'SIGTERM') await takeLeave();
    await end();
    say('stopped.');
  }
  for (const signal of signals) {
    // On one Ctrl-C npm passes on a second SIGINT, so the next one must not cut this short; SIGQUIT does.
    process.on(signal, () => {
      if (signal === 'SIGINT') hurry.abort();
      if (told.signal.aborted) return;
      first = signal;
      say(`${signal}: finishing what was begun …`);
      grace.close();
    });
  }
}

/**
 * Goes on answering while a proxy finds out that this server is going. SIGTERM comes from a supervisor, and a
 * supervised server that others can reach, or that trusts a proxy, has one. Ctrl-C never waits, and cuts this short.
 */
async function takeLeave(): Promise<void> {
  if (!service?.app.server.listening || !config) return;
  if (isLoopback(config.host) && config.trustProxy.length === 0) return;
  say(`answering for ${LEAVE_MS / 1000} s more, until the proxy looks elsewhere (Ctrl-C: at once) …`);
  service.app.takeLeave();
  await sleep(LEAVE_MS, undefined, { signal: hurry.signal }).catch(() => undefined);
}

/** Stops what runs, in the opposite order of its start. */
async function end(): Promise<void> {
  const server = service?.app.server;
  // A connection that becomes idle only now would be kept for its next request; a request may never get complete.
  const idle = setInterval(() => server?.closeIdleConnections(), 50);
  const late = setTimeout(() => server?.closeAllConnections(), REQUESTS_MS);
  try {
    await service?.close();
  } finally {
    clearInterval(idle);
    clearTimeout(late);
    if (isAlone) await embedded?.stop();
  }
}

async function startEmbedded(config: Config, projectRoot: string): Promise<EmbeddedPostgres> {
  say(`starting the embedded Postgres in ${config.dataDir} …`);
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
  const patience = Date.now() + EMBEDDED_PATIENCE_MS;
  for (;;) {
    try {
      const { accountId, migrations, isKeyReplaced } = await service.connect();
      if (migrations.length > 0) say(`database ready, ${migrations.length} migration(s) applied.`);
      sayKey(config, isKeyReplaced);
      isAlone = true;
      return accountId;
    } catch (error) {
      if (error instanceof NotOnlyServerError) isAlone = false;
      if (error instanceof NotOnlyServerError || !isAway(error)) throw error;
      if (config.databaseUrl !== undefined) {
        say(`the database is away (${reasonOf(error)}); starting without it and trying again.`);
        retry(service, config, reasonOf(error));
        return undefined;
      }
      if (Date.now() > patience) throw error;
      await sleep(RECONNECT_MS / 5);
      told.signal.throwIfAborted();
    }
  }
}

/** Others may use the key that ended: another server on this database, or who reads its reports. */
function sayKey({ apiKey, dataDir }: Config, isReplaced: boolean): void {
  if (!isReplaced) return;
  const from = apiKey === undefined ? join(dataDir, 'api-key') : 'CALLTRK_API_KEY';
  say(
    `this start replaces the API key of the first user by the one in ${from}; the key before stops working. ` +
      'Servers on one database need the same CALLTRK_API_KEY (openssl rand -hex 32).',
  );
}

function retry(service: Service, config: Config, known: string): void {
  setTimeout(async () => {
    try {
      const { isKeyReplaced } = await service.connect();
      say('the database is back.');
      sayKey(config, isKeyReplaced);
    } catch (error) {
      if (told.signal.aborted) return;
      if (error instanceof NotOnlyServerError) {
        say(explain(error));
        process.exit(1);
      }
      const reason = reasonOf(error);
      if (reason !== known) say(`still without the database: ${reason}`);
      retry(service, config, reason);
    }
  }, RECONNECT_MS).unref();
}

/** Not reached, refused, or not ready: what goes away by itself. A wrong password does not. */
function isAway(error: unknown): boolean {
  const { code = '', message = '' } = error as { code?: string; message?: string };
  return (
    /^(E[A-Z_]+|08...|57P0.|53300|unavailable)$/.test(code) ||
    /timeout|terminated|ended unexpectedly/i.test(message)
  );
}

/** In a sentence, or a word: where a name has several addresses, the error of them all has only a code. */
function reasonOf(error: unknown): string {
  if (isRefusal(error) && error.cause !== undefined) return reasonOf(error.cause);
  const { code, message } = error as { code?: string; message?: string };
  return message || code || 'no reason given';
}

async function openDataDir(dataDir: string): Promise<void> {
  try {
    const made = await mkdir(dataDir, { recursive: true });
    // Root's embedded Postgres runs as another user, who must get through.
    if (made !== undefined) await chmod(dataDir, process.getuid?.() === 0 ? 0o711 : 0o700);
    await access(dataDir, constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (/^(EEXIST|ENOTDIR)$/.test(code)) {
      throw new Error(`DATA_DIR ${dataDir} is a file, or lies in one: set a folder.`);
    }
    throw new Error(`DATA_DIR ${dataDir} cannot be used: ${message}. Make it writable, or set another.`);
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
  // The demo is for whoever sits at this machine: a proxy in front of a public address does not pass it on.
  const local = `http://localhost:${port}`;
  const facts = {
    url: config.publicUrl ?? local,
    demo: `${local}/demo`,
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

function explain(error: Error & { code?: string }): string {
  const { code = '', message } = error;
  if (error instanceof ConfigError || error instanceof PortError) return message;
  if (error instanceof NotOnlyServerError) return explainOther(error);
  // Class 28, invalid authorization, and 3D, no such database; pg's own word for a password that was not given.
  if (/^(28|3D)...$/.test(code) || message.startsWith('SASL:')) {
    return `the database refuses what DATABASE_URL says (${message}). Check its user, password and database.`;
  }
  // insufficient_privilege
  if (code === '42501') {
    return `the role of DATABASE_URL may not make tables (${message}). Make it the owner: ALTER DATABASE … OWNER TO ….`;
  }
  return `could not start: ${reasonOf(error)}`;
}

function explainOther({ message, holder, otherDb }: NotOnlyServerError): string {
  if (otherDb !== null) {
    return `${message} with REDIS_URL redis://…/${otherDb}, and this one has /${config?.redis?.db}: all need the same.`;
  }
  const leases = 'Leases are kept in the memory of one server';
  if (config?.databaseUrl !== undefined && config.redis) {
    return `${message}, and keeps its leases in its memory. Stop it, or start it with the same REDIS_URL.`;
  }
  if (config?.databaseUrl !== undefined) {
    return `${message}. ${leases}: stop the other one, or set another DATABASE_URL. Several need one REDIS_URL for all.`;
  }
  const stop = holder ? `stop it (kill ${holder})` : 'stop it';
  return `DATA_DIR ${config?.dataDir} is in use: ${message}. ${leases}: ${stop}, or set another DATA_DIR.`;
}

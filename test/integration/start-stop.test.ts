/**
 * The process from outside, as an operator has it: what it says when it starts, what is left when it ends or is
 * killed, and what it does when its folder, its port or its database is not to be had.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server, type Socket, connect as toSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DEMO_NUMBER, demoCompany, incoming, twilioWebhook } from '../support/demo.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { exitOf, freePort, NOISE_MS, processesWith, until } from '../support/processes.js';
import {
  makeUsedDataDir,
  newDataDir,
  type RunningServer,
  report,
  type ServerOptions,
  spawnServer,
  startServer,
  visitor,
} from '../support/server.js';

const isRoot = process.getuid?.() === 0;
const VOICE = '/v1/telephony/twilio/voice';

describe('a start', () => {
  it('on an empty folder ends with one line for programs; the next one keeps account, key and data', async () => {
    const dataDir = join(temporaryFolder(), 'my data 100%=é');
    const server = await start({ dataDir });
    const line = server.logged().trim().split('\n').at(-1) ?? '';
    expect(line).toMatch(
      /^calltrk ready url=http:\/\/localhost:\d+ demo=\S+\/demo account=ACC\w+ key_file=[^ =]+ pid=\d+$/,
    );
    const { key_file, pid } = factsOf(line);
    expect([key_file, pid]).toEqual([join(dataDir, 'api-key'), String(server.child.pid)]);
    expect(modeOf(join(dataDir, 'api-key'))).toBe(0o600);
    expect(modeOf(join(dataDir, 'simulator-token'))).toBe(0o600);
    expect(modeOf(dataDir)).toBe(isRoot ? 0o711 : 0o700);
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
    const { scriptKey } = await demoCompany(server);
    const someone = visitor(server, scriptKey);
    const number = await shown(someone);
    await server.end();

    const begun = Date.now();
    const next = await start({ dataDir });
    expect(Date.now() - begun).toBeLessThan(5000);
    expect([next.account, next.key]).toEqual([server.account, server.key]);
    expect((await demoCompany(next)).scriptKey).toBe(scriptKey);
    expect(await shown(visitor(next, scriptKey, someone.session))).toBe(number);
  });

  it('that is interrupted in the middle leaves nothing running, and the next one works', async () => {
    for (const moment of [/making a new database/, /started the embedded Postgres/]) {
      const { child, dataDir, said } = attempt();
      await until(() => moment.exec(said()) ?? undefined);
      child.kill('SIGTERM');
      expect(await exitOf(child)).toBe(0);
      expect(postgresOf(dataDir)).toEqual([]);
      await start({ dataDir });
    }
  });

  it('names every wrong variable in one message, echoes no secret, and touches nothing', async () => {
    const dataDir = join(temporaryFolder(), 'data');
    const { code, said, logged } = await refused({
      dataDir,
      env: {
        PORT: '99999',
        HOST: 'not a host',
        PUBLIC_URL: 'ftp://calls.example.com',
        TRUST_PROXY: 'everyone',
        DATABASE_URL: 'postgres://user:p%ss-secret@127.0.0.1/calltrk',
        CALLTRK_API_KEY: 'short-secret',
        TWILIO_AUTH_TOKEN: 'token-secret',
        LOG_LEVEL: 'loud',
        NODE_ENV: 'production',
      },
    });
    expect(code).toBe(1);
    for (const name of ['PORT', 'HOST', 'PUBLIC_URL', 'TRUST_PROXY', 'DATABASE_URL', 'LOG_LEVEL']) {
      expect(said).toContain(name);
    }
    expect(said).toMatch(/CALLTRK_API_KEY.*\n.*TWILIO_AUTH_TOKEN/);
    expect(said + logged).not.toContain('secret');
    expect(existsSync(dataDir)).toBe(false);
  });

  it('that cannot listen says what to set, and makes nothing', async () => {
    const { port } = await listening(createServer());
    for (const [env, message] of [
      [{ PORT: String(port) }, new RegExp(`port ${port} .*in use.* PORT`)],
      [{ HOST: 'nope.invalid' }, /HOST nope\.invalid is no name .*0\.0\.0\.0/],
      [{ HOST: '198.51.100.7' }, /HOST 198\.51\.100\.7 is not an address of this machine.*0\.0\.0\.0/],
    ] as const) {
      const dataDir = join(temporaryFolder(), 'data');
      const { code, said } = await refused({ dataDir, env });
      expect([code, said]).toEqual([1, expect.stringMatching(message)]);
      expect(existsSync(dataDir)).toBe(false);
    }
  });

  it('with a file for DATA_DIR, or with arguments, says what to write instead', async () => {
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, '');
    for (const dataDir of [file, join(file, 'data')]) {
      expect((await refused({ dataDir })).said).toContain(`DATA_DIR ${dataDir} is a file`);
    }
    const { code, said } = await refused({ args: ['--port', '4000'] });
    expect([code, said]).toEqual([
      1,
      expect.stringMatching(/environment, not from arguments \(--port 4000\): PORT=/),
    ]);
  });

  it('in a folder that a running server uses is refused within seconds, and that one goes on', async () => {
    const first = await start({ dataDir: await usedBefore() });
    const { scriptKey } = await demoCompany(first);
    const someone = visitor(first, scriptKey);
    const number = await shown(someone);
    const postgres = postgresOf(first.dataDir);

    const begun = Date.now();
    const { code, said } = await refused({ dataDir: first.dataDir });
    expect(code).toBe(1);
    expect(Date.now() - begun).toBeLessThan(6000);
    expect(said).toContain(first.dataDir);
    expect(said).toContain('DATA_DIR');
    expect(said).toContain(`kill ${first.child.pid}`);

    expect(postgresOf(first.dataDir)).toEqual(postgres);
    expect(await shown(someone)).toBe(number);
    expect(await shown(visitor(first, scriptKey))).not.toBe(number);
    expect(await first.end()).toBe(0);
  });

  it('of two at once on an empty folder succeeds for one, and the other leaves it alone', async () => {
    const dataDir = temporaryFolder();
    const both = [attempt({ dataDir }), attempt({ dataDir })];
    const loser = await Promise.any(
      both.map(async (one) =>
        (await exitOf(one.child)) === 1 ? one : Promise.reject(new Error(one.said())),
      ),
    );
    expect(loser.said()).toContain('DATA_DIR');
    const winner = both.find((one) => one !== loser);
    const line = await until(() => /^calltrk ready .*$/m.exec(winner?.logged() ?? '')?.[0]);
    const url = factsOf(line).url?.replace('localhost', '127.0.0.1');
    await until(async () => ((await fetch(`${url}/readyz`)).ok ? true : undefined));
    winner?.child.kill('SIGTERM');
    expect(winner && (await exitOf(winner.child))).toBe(0);
    expect(postgresOf(dataDir)).toEqual([]);
  });

  it('while the one before is still ending waits for it and takes over', async () => {
    const first = await start({ dataDir: await usedBefore() });
    const { scriptKey } = await demoCompany(first);
    const begun = await halfASwap(first, scriptKey, randomUUID());
    first.child.kill('SIGTERM');
    const second = attempt({ dataDir: first.dataDir });
    await until(() => /adopted/.exec(second.said()) ?? undefined);
    // Only now does the first one stop its Postgres, from under the second.
    expect(await begun.complete()).toMatch(/^HTTP\/1\.1 200 /);
    expect(await exitOf(first.child)).toBe(0);
    const line = await until(() => /^calltrk ready .*$/m.exec(second.logged())?.[0], { timeoutMs: 20_000 });
    const url = factsOf(line).url?.replace('localhost', '127.0.0.1') ?? '';
    await until(async () => ((await fetch(`${url}/readyz`)).ok ? true : undefined));
    expect(await shown(visitor({ url }, scriptKey))).toMatch(/^\+1305555011\d$/);
    expect(postgresOf(first.dataDir)).toHaveLength(1);
  });

  it('takes CALLTRK_API_KEY as the key; with another one the old stops working', async () => {
    const dataDir = await usedBefore();
    const keys = ['a'.repeat(32), 'b'.repeat(40)] as const;
    const answerTo = async (server: RunningServer, key: string) =>
      (
        await fetch(`${server.url}/v3/a/${server.account}/companies.json`, {
          headers: { authorization: `Token token="${key}"` },
        })
      ).status;
    const first = await start({ dataDir, env: { CALLTRK_API_KEY: keys[0] } });
    expect(factsOf(first.logged()).key_file).toBe('-');
    expect(await answerTo(first, keys[0])).toBe(200);
    expect(await answerTo(first, readFileSync(join(dataDir, 'api-key'), 'utf8').trim())).toBe(401);
    expect(await answerTo(first, keys[1])).toBe(401);
    await first.end();
    const second = await start({ dataDir, env: { CALLTRK_API_KEY: keys[1] } });
    expect(second.said()).toMatch(/replaces the API key .* CALLTRK_API_KEY; the key before stops working/);
    expect(await answerTo(second, keys[0])).toBe(401);
    expect(await answerTo(second, keys[1])).toBe(200);
    expect(second.account).toBe(first.account);
  });

  it('with TWILIO_AUTH_TOKEN makes no token for the simulator, and the demo says why it cannot call', async () => {
    const token = 'f'.repeat(32);
    const server = await start({
      dataDir: await usedBefore(['simulator-token']),
      env: { TWILIO_AUTH_TOKEN: token },
    });
    expect(existsSync(join(server.dataDir, 'simulator-token'))).toBe(false);
    const { pool } = await demoCompany(server);
    const answer = await fetch(`${server.url}/demo/call`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ number: pool[0] }),
    });
    expect(answer.status).toBe(403);
    expect(await answer.text()).toContain('TWILIO_AUTH_TOKEN');
    const call = incoming(pool[0] ?? '');
    expect((await twilioWebhook(server, VOICE, call, { token })).text).toContain(DEMO_NUMBER);
    expect((await twilioWebhook(server, VOICE, call, { token: 'e'.repeat(64) })).status).toBe(403);
  });

  it('with an emptied key or token file is refused by its name, and never takes an empty secret', async () => {
    for (const name of ['api-key', 'simulator-token']) {
      const dataDir = await usedBefore();
      truncateSync(join(dataDir, name));
      const { code, said } = await refused({ dataDir });
      expect(code).toBe(1);
      expect(said).toContain(join(dataDir, name));
      expect(postgresOf(dataDir)).toEqual([]);
    }
  });

  it('with a broken routing.json says so and makes a new one: it is only a copy', async () => {
    const dataDir = await usedBefore();
    const file = join(dataDir, 'routing.json');
    const before = readFileSync(file, 'utf8');
    writeFileSync(file, before.slice(0, -10));
    const server = await start({ dataDir });
    expect(server.said() + server.logged()).toContain('routing.json');
    expect(JSON.parse(await until(() => contentOf(file, before)))).toEqual(JSON.parse(before));
  });

  it('goes on when nobody reads its output any more', async () => {
    const server = await start({ dataDir: await usedBefore(), env: { LOG_LEVEL: 'debug' } });
    server.child.stdout?.destroy();
    server.child.stderr?.destroy();
    for (let i = 0; i < 3; i++) expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    expect(await server.end()).toBe(0);
    expect(postgresOf(server.dataDir)).toEqual([]);
  });
});

describe('an end', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'by %s answers what has begun, keeps it, stops Postgres and is a success',
    async (signal) => {
      const server = await start({ dataDir: await usedBefore() });
      const { scriptKey } = await demoCompany(server);
      const session = randomUUID();
      const begun = await halfASwap(server, scriptKey, session);
      server.child.kill(signal);
      await until(() => fetch(`${server.url}/healthz`).then(() => undefined, refusedConnection));
      const answer = await begun.complete();
      expect(answer).toMatch(/^HTTP\/1\.1 200 /);
      expect(await exitOf(server.child)).toBe(0);
      expect(server.logged()).not.toContain('"level":"warn"');
      expect(postgresOf(server.dataDir)).toEqual([]);
      expect(existsSync(join(server.dataDir, 'postgres/postmaster.pid'))).toBe(false);
      const number = /"e164":"([^"]+)"/.exec(answer)?.[1];
      const next = await start({ dataDir: server.dataDir });
      expect(await shown(visitor(next, scriptKey, session))).toBe(number);
    },
  );

  it('does not wait for a request that never gets complete', async () => {
    const server = await start({ dataDir: await usedBefore() });
    const { scriptKey } = await demoCompany(server);
    await halfASwap(server, scriptKey, randomUUID());
    const begun = Date.now();
    expect(await server.end()).toBe(0);
    expect(Date.now() - begun).toBeLessThan(8000);
    expect(postgresOf(server.dataDir)).toEqual([]);
  });

  it('by two SIGINTs, as npm passes on one Ctrl-C, is the same as by one', async () => {
    const server = await start({ dataDir: await usedBefore() });
    const { scriptKey } = await demoCompany(server);
    const begun = await halfASwap(server, scriptKey, randomUUID());
    server.child.kill('SIGINT');
    await until(() => /SIGINT/.exec(server.said()) ?? undefined);
    server.child.kill('SIGINT');
    expect(await begun.complete()).toMatch(/^HTTP\/1\.1 200 /);
    expect(await exitOf(server.child)).toBe(0);
    expect(postgresOf(server.dataDir)).toEqual([]);
  });

  it('by kill -9 loses nothing: Postgres goes on, the next start adopts it, and leases are still held', async () => {
    const server = await start({ dataDir: await usedBefore() });
    const { scriptKey } = await demoCompany(server);
    const someone = visitor(server, scriptKey);
    const number = await shown(someone);
    const tap = { id: randomUUID(), type: 'tap', number, target: DEMO_NUMBER };
    expect((await someone.send(tap)).body).toMatchObject({ accepted: 1 });
    const postgres = postgresOf(server.dataDir);
    expect(postgres).toHaveLength(1);
    expect(await server.end('SIGKILL')).toBe('SIGKILL');
    expect(postgresOf(server.dataDir)).toEqual(postgres);

    const next = await start({ dataDir: server.dataDir });
    expect(next.said()).toContain('adopted');
    expect(postgresOf(server.dataDir)).toEqual(postgres);
    expect([next.account, next.key]).toEqual([server.account, server.key]);
    const others = await Promise.all(Array.from({ length: 7 }, () => shown(visitor(next, scriptKey))));
    expect(new Set([...others, number]).size).toBe(8);
    const again = visitor(next, scriptKey, someone.session);
    expect((await again.swap()).body.numbers[DEMO_NUMBER]).toMatchObject({ e164: number, shared: false });
    expect((await again.send(tap)).body).toMatchObject({ accepted: 0, repeated: 1 });
    expect(await next.end()).toBe(0);
    expect(postgresOf(server.dataDir)).toEqual([]);
  });
});

describe('npm start', () => {
  it('runs in a closed checkout in production, without development packages, twice', async () => {
    const checkout = copyOfCheckout();
    const { PATH, HOME } = process.env;
    for (const turn of ['first', 'second']) {
      const child = spawn('npm', ['start'], {
        cwd: checkout,
        // Its own group, as a shell gives to what runs in the foreground.
        detached: true,
        env: { PATH, HOME, PORT: '0', NODE_ENV: 'production' },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      children.push(child);
      let text = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk));
      const line = await until(
        () => {
          if (child.exitCode !== null) throw new Error(text);
          return /^calltrk ready .*$/m.exec(text)?.[0];
        },
        { timeoutMs: 30_000, what: `a ready line of the ${turn} start` },
      );
      const { url = '', key_file = '' } = factsOf(line);
      expect(realpathSync(key_file)).toBe(join(checkout, '.data/api-key'));
      expect((await fetch(`${url.replace('localhost', '127.0.0.1')}/demo`)).status).toBe(200);
      const call = ['run', 'simulate-call', '--', '--url', url];
      expect(execFileSync('npm', call, { cwd: checkout, env: { PATH, HOME }, encoding: 'utf8' })).toContain(
        'CAL',
      );
      if (isRoot) homes.add(homeOf(join(checkout, '.data')));
      expect(postgresOf(join(checkout, '.data'))).toHaveLength(1);
      // As Ctrl-C does: to all of the group, and npm passes its own on.
      process.kill(-(child.pid ?? 0), 'SIGINT');
      await exitOf(child);
      await until(() => /calltrk: stopped\./.exec(text) ?? undefined);
      expect(postgresOf(join(checkout, '.data'))).toEqual([]);
    }
  });
});

describe('with DATABASE_URL', () => {
  let postgres: TestPostgres;
  beforeAll(async () => {
    postgres = await startPostgres({ password: 'correct horse' });
  });
  afterAll(() => postgres?.close());

  it('a start keeps account, key and data there, and makes no Postgres of its own', async () => {
    const options = { dataDir: newFolder(), env: { DATABASE_URL: await postgres.createDatabase() } };
    const server = await start(options);
    const { scriptKey } = await demoCompany(server);
    const someone = visitor(server, scriptKey);
    const number = await shown(someone);
    expect(await server.end('SIGKILL')).toBe('SIGKILL');

    const next = await start(options);
    expect([next.account, next.key]).toEqual([server.account, server.key]);
    expect(await shown(visitor(next, scriptKey, someone.session))).toBe(number);
    expect(await shown(visitor(next, scriptKey))).not.toBe(number);
    expect(existsSync(join(options.dataDir, 'postgres'))).toBe(false);
    expect(await next.end()).toBe(0);
  });

  it('a start on every address makes no demo company on an empty database', async () => {
    const server = await start({
      env: { HOST: '0.0.0.0', DATABASE_URL: await postgres.createDatabase() },
    });
    expect((await report(server, 'companies.json')).companies).toEqual([]);
    expect((await fetch(`${server.url}/demo`)).status).toBe(404);
    expect(await (await fetch(`${server.url}/`)).text()).toMatch(/^calltrk runs here/);
  });

  it('a start elsewhere without a key ends the key that others use, and says so', async () => {
    const DATABASE_URL = await postgres.createDatabase();
    const first = await start({ env: { DATABASE_URL } });
    await first.end();
    expect(first.said()).not.toContain('replaces');
    const second = await start({ dataDir: newFolder(), env: { DATABASE_URL } });
    expect(second.said()).toMatch(/replaces the API key .*api-key; .* stops working.*same CALLTRK_API_KEY/);
    expect(factsOf(second.logged()).key_file).not.toBe('-');
    expect((await report(second, 'companies.json')).companies).toHaveLength(1);
  });

  it('a second server without Redis is refused and told of REDIS_URL, and the first one goes on', async () => {
    const env = { DATABASE_URL: await postgres.createDatabase() };
    const first = await start({ env });
    const { code, said } = await refused({ env });
    expect(code).toBe(1);
    expect(said).toContain('REDIS_URL');
    expect(said).toContain(String(first.child.pid));
    const { scriptKey } = await demoCompany(first);
    expect(await shown(visitor(first, scriptKey))).toMatch(/^\+1/);
  });

  it.each([
    ['a wrong password', 'correct', 'wrong', /DATABASE_URL.*password/],
    ['no password', ':correct%20horse', '', /DATABASE_URL.*password/],
    ['a database that is not there', /test_\d+$/, 'nowhere', /DATABASE_URL.*nowhere/],
  ])('%s ends the start with a message, in which no password is', async (_, what, instead, message) => {
    const url = (await postgres.createDatabase()).replace(what, instead);
    const { code, said, logged } = await refused({ env: { DATABASE_URL: url } });
    expect(code).toBe(1);
    expect(said).toMatch(message);
    expect(said + logged).not.toContain('horse');
  });

  it('away at the start it runs all the same, forwards calls, and becomes ready by itself', async () => {
    const port = await freePort();
    const dataDir = newFolder();
    const env = { DATABASE_URL: await postgres.createDatabase() };
    const before = await start({ dataDir, env });
    const { scriptKey, scriptPath, pool } = await demoCompany(before);
    await before.end();
    // A door to the database that can be shut, opened, and left without anybody behind it.
    const url = env.DATABASE_URL.replace(String(postgres.port), String(port)).replace(
      '127.0.0.1',
      'localhost',
    );
    const server = await start({ dataDir, env: { DATABASE_URL: url } });
    expect(server.said()).toMatch(/database is away \(.*ECONNREFUSED/);
    expect(server.account).toBe('-');
    const statusOf = async (path: string) => (await fetch(server.url + path)).status;

    const withoutDatabase = async () => {
      expect([await statusOf('/healthz'), await statusOf('/readyz')]).toEqual([200, 503]);
      const swap = await fetch(`${server.url}/v1/swap`, {
        method: 'POST',
        body: JSON.stringify(swapOf(scriptKey, randomUUID())),
      });
      expect(swap.status).toBe(503);
      expect(Number(swap.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(await statusOf(scriptPath)).toBe(503);
      const call = await twilioWebhook(server, VOICE, incoming(pool[3] ?? ''));
      expect(call).toMatchObject({ status: 200, text: expect.stringContaining(`>${DEMO_NUMBER}</Number>`) });
      expect(call.ms).toBeLessThan(1000 + NOISE_MS);
    };
    await withoutDatabase();
    const open: Socket[] = [];
    const door = createServer((socket) => open.push(socket));
    await listening(door, port);
    await withoutDatabase();

    door.removeAllListeners('connection');
    door.on('connection', (socket) => {
      const inside = toSocket(postgres.port, '127.0.0.1');
      socket.pipe(inside).pipe(socket);
      for (const end of [socket, inside]) end.on('error', () => undefined);
    });
    for (const socket of open) socket.destroy();
    await until(async () => ((await statusOf('/readyz')) === 200 ? true : undefined));
    expect(server.said()).toContain('the database is back');
    expect(await shown(visitor(server, scriptKey))).toMatch(/^\+1/);
    expect(await statusOf(scriptPath)).toBe(200);
    expect(await server.end()).toBe(0);
  });

  it('away, it still ends at once and as a success', async () => {
    const server = await start({
      env: { DATABASE_URL: `postgres://nobody@127.0.0.1:${await freePort()}/none` },
    });
    const begun = Date.now();
    expect(await server.end()).toBe(0);
    expect(Date.now() - begun).toBeLessThan(3000);
  });

  it('that comes up and then refuses us says so, once, and goes on trying', async () => {
    const port = await freePort();
    const url = `postgres://postgres:wrong@127.0.0.1:${port}/postgres`;
    const server = await start({ env: { DATABASE_URL: url } });
    const door = createServer((socket) => {
      const inside = toSocket(postgres.port, '127.0.0.1');
      socket.pipe(inside).pipe(socket);
      for (const end of [socket, inside]) end.on('error', () => undefined);
    });
    await listening(door, port);
    await until(() => /password authentication failed/.exec(server.said()) ?? undefined);
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  });
});

// ── What the tests stand on ──────────────────────────────────────────────────────────────────────────────────

const servers: RunningServer[] = [];
const children: ChildProcess[] = [];
const doors: Server[] = [];
const folders: string[] = [];
/** Clusters that live outside their DATA_DIR. */
const homes = new Set<string>();

afterEach(async () => {
  const running = [...servers.splice(0).map(({ child }) => child), ...children.splice(0)];
  for (const child of running) {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await exitOf(child);
  }
  for (const door of doors.splice(0)) door.close();
  const made = [...folders.splice(0), ...homes];
  homes.clear();
  for (const folder of made) {
    await stopPostgresUnder(folder);
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
});

async function stopPostgresUnder(folder: string): Promise<void> {
  for (const pid of processesWith(` -D ${folder}`)) process.kill(pid, 'SIGQUIT');
  await until(() => (processesWith(` -D ${folder}`).length === 0 ? true : undefined));
}

function temporaryFolder(): string {
  const folder = newDataDir();
  folders.push(folder);
  return folder;
}

const newFolder = temporaryFolder;

async function start(options: ServerOptions = {}): Promise<RunningServer> {
  const server = await startServer({ dataDir: temporaryFolder(), ...options });
  servers.push(server);
  return server;
}

/** A start that is not waited for. */
function attempt(options: ServerOptions = {}) {
  const server = spawnServer({ dataDir: temporaryFolder(), ...options });
  children.push(server.child);
  return server;
}

/** A start that is meant to end by itself. */
async function refused(options: ServerOptions) {
  const server = attempt(options);
  const code = await exitOf(server.child);
  return { code, said: server.said(), logged: server.logged() };
}

/** A DATA_DIR in which a server ran and was stopped. */
async function usedBefore(without: string[] = []): Promise<string> {
  const dataDir = join(temporaryFolder(), 'data');
  await makeUsedDataDir(dataDir);
  for (const name of without) rmSync(join(dataDir, name));
  return dataDir;
}

/** Process ids of the embedded Postgres of a DATA_DIR: postmasters, not what they have just forked. */
function postgresOf(dataDir: string): number[] {
  const cluster = existsSync(join(dataDir, 'embedded-id')) ? homeOf(dataDir) : dataDir;
  const all = processesWith(` -D ${join(cluster, 'postgres')} `);
  return all.filter((pid) => !all.includes(parentOf(pid)));
}

function parentOf(pid: number): number {
  try {
    // The fields after the name, which may hold anything, in parentheses: state, parent … (proc(5)).
    return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\)/s, '').split(' ')[2]);
  } catch {
    return 0;
  }
}

function homeOf(dataDir: string): string {
  return join('/var/lib/calltrk', readFileSync(join(dataDir, 'embedded-id'), 'utf8').trim());
}

function factsOf(text: string): Record<string, string> {
  const line = /^calltrk ready (.*)$/m.exec(text)?.[1] ?? '';
  return Object.fromEntries(
    line.split(' ').map((fact) => {
      const [name = '', value = ''] = fact.split('=');
      return [name, decodeURIComponent(value)];
    }),
  );
}

const modeOf = (path: string) => statSync(path).mode & 0o777;

function contentOf(file: string, wanted: string): string | undefined {
  const text = readFileSync(file, 'utf8');
  return text.length === wanted.length ? text : undefined;
}

async function shown(someone: ReturnType<typeof visitor>): Promise<string> {
  const { status, body } = await someone.swap();
  expect(status).toBe(200);
  return body.numbers[DEMO_NUMBER].e164;
}

function swapOf(key: string, session: string) {
  return {
    key,
    session,
    visit: { landing: 'https://bluebird.example/', referrer: 'direct' },
    page: { id: randomUUID(), url: 'https://bluebird.example/' },
    targets: [DEMO_NUMBER],
  };
}

async function listening(server: Server, port = 0): Promise<{ port: number }> {
  doors.push(server);
  await new Promise<void>((done) => server.listen(port, '127.0.0.1', done));
  return server.address() as { port: number };
}

function refusedConnection(error: { cause?: { code?: string } }): true | undefined {
  return error.cause?.code === 'ECONNREFUSED' ? true : undefined;
}

/** A swap of which the server has the head and has asked for the rest. */
async function halfASwap(server: RunningServer, key: string, session: string) {
  const body = JSON.stringify(swapOf(key, session));
  const socket = toSocket(Number(new URL(server.url).port), '127.0.0.1');
  let answer = '';
  socket.setEncoding('utf8').on('data', (chunk) => (answer += chunk));
  socket.on('error', () => undefined);
  const closed = new Promise<void>((done) => socket.once('close', () => done()));
  socket.write(
    [
      'POST /v1/swap HTTP/1.1',
      'Host: 127.0.0.1',
      'User-Agent: Mozilla/5.0 (X11; Linux x64) AppleWebKit/537.36 Chrome/156.0 Safari/537.36',
      'Content-Type: text/plain',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Expect: 100-continue',
      '\r\n',
    ].join('\r\n'),
  );
  await until(() => /^HTTP\/1\.1 100 /.exec(answer) ?? undefined);
  answer = '';
  socket.write(body.slice(0, 20));
  return {
    async complete(): Promise<string> {
      socket.write(body.slice(20));
      await closed;
      return answer.trimStart();
    },
  };
}

/** What git keeps, the packages that are not for development, and, for root, nobody else let in. */
function copyOfCheckout(): string {
  const folder = mkdtempSync(join(tmpdir(), 'calltrk-checkout-'));
  folders.push(folder);
  chmodSync(folder, 0o700);
  const top = [
    'package.json',
    'package-lock.json',
    'esbuild.config.mjs',
    'tsconfig.json',
    'tsconfig.base.json',
  ];
  for (const name of [...top, 'server', 'shared', 'snippet', 'scripts']) {
    cpSync(name, join(folder, name), { recursive: true });
  }
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean }>;
  };
  for (const [path, { dev = false, devOptional = false }] of Object.entries(lock.packages)) {
    if (path === '' || dev || devOptional || !existsSync(path) || existsSync(join(folder, path))) continue;
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    execFileSync('cp', ['-a', path, join(folder, path)]);
  }
  return folder;
}

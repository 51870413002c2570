/** Debian's Redis for tests: servers of their own on free ports of 127.0.0.1, without files unless asked, stopped by id. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exitOf, freePort, until } from './processes.js';

export interface TestRedis {
  readonly port: number;
  readonly url: string;
  /** A command by redis-cli; what it printed. */
  cli(...args: string[]): string;
  /** Ends it at once. */
  kill(): Promise<void>;
  /** Starts it again, on the same port: empty, if it keeps no file. */
  start(): Promise<void>;
  close(): Promise<void>;
}

export async function startRedis(settings: Record<string, string> = {}): Promise<TestRedis> {
  if (!existsSync('/usr/bin/redis-server')) throw new Error('Redis is missing: apt-get install redis-server');
  const folder = mkdtempSync(join(tmpdir(), 'calltrk-redis-'));
  const port = await freePort();
  let child: ChildProcess | undefined;
  const cli = (...args: string[]) =>
    execFileSync('redis-cli', ['-h', '127.0.0.1', '-p', String(port), ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim();
  const start = async () => {
    const options = {
      port: String(port),
      bind: '127.0.0.1',
      dir: folder,
      save: '',
      appendonly: 'no',
      'enable-debug-command': 'yes',
      ...settings,
    };
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
    child = spawn('redis-server', args, { stdio: 'ignore' });
    await until(() => (cli('PING') === 'PONG' ? true : undefined), { what: 'Redis answering' });
  };
  const kill = async () => {
    if (!child) return;
    const gone = exitOf(child);
    child.kill('SIGKILL');
    await gone;
    child = undefined;
  };
  await start();
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    cli,
    kill,
    start,
    async close() {
      await kill();
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

export interface TestRedisCluster {
  /** Two of its nodes: the third must be learnt from them. */
  readonly url: string;
  readonly nodes: readonly TestRedis[];
  /** Moves so many slots, with their keys, from one master to another while both are used. */
  reshard(slots: number, from: TestRedis, to: TestRedis): Promise<void>;
  close(): Promise<void>;
}

/** Three masters, which share the slots, each with so many replicas; the masters are first. */
export async function startRedisCluster({ replicas = 0 } = {}): Promise<TestRedisCluster> {
  const nodes: TestRedis[] = [];
  for (let at = 0; at < 3 * (replicas + 1); at++) {
    nodes.push(
      await startRedis({
        'cluster-enabled': 'yes',
        'cluster-config-file': 'nodes.conf',
        'cluster-node-timeout': '1000',
        // A dead node must not cost the others their pools.
        'cluster-require-full-coverage': 'no',
      }),
    );
  }
  const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
  const more = ['--cluster-replicas', String(replicas), '--cluster-yes'];
  execFileSync('redis-cli', ['--cluster', 'create', ...addresses, ...more], { stdio: 'ignore' });
  await until(
    () => (nodes.every((node) => /cluster_state:ok/.test(node.cli('CLUSTER', 'INFO'))) ? true : undefined),
    { what: 'the cluster' },
  );
  return {
    url: addresses
      .slice(0, 2)
      .map((address) => `redis://${address}`)
      .join(','),
    nodes,
    async reshard(slots, from, to) {
      const [source = '', target = ''] = [from, to].map((node) => node.cli('CLUSTER', 'MYID'));
      const what = ['--cluster-from', source, '--cluster-to', target, '--cluster-slots', String(slots)];
      const args = ['--cluster', 'reshard', addresses[0] ?? '', ...what, '--cluster-yes'];
      const child = spawn('redis-cli', args, { stdio: 'ignore' });
      const code = await exitOf(child);
      if (code !== 0) throw new Error(`redis-cli --cluster reshard ended with ${code}`);
    },
    async close() {
      await Promise.all(nodes.map((node) => node.close()));
    },
  };
}

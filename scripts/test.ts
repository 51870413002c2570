/**
 * `npm test`: makes sure that the programs which the tests drive are there, builds, checks, and runs every suite.
 * Ends with the total alone on a line. `--only NAME` runs one Vitest project; `--rounds N` lengthens the fault suite.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { only: { type: 'string' }, rounds: { type: 'string' } } });

/** What the tests drive beside Node, and the Debian package that brings it. */
const PROGRAMS = [
  { what: 'PostgreSQL 15 or later', debian: 'postgresql-15', there: hasPostgres },
  {
    what: 'Chromium',
    debian: 'chromium',
    there: () => ['chromium', 'chromium-browser', 'google-chrome'].some(onPath),
  },
  { what: 'Redis 7', debian: 'redis-server', there: () => onPath('redis-server') },
];

function onPath(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function hasPostgres(): boolean {
  const root = '/usr/lib/postgresql';
  const debian =
    existsSync(root) &&
    readdirSync(root).some((v) => Number(v) >= 15 && existsSync(join(root, v, 'bin/initdb')));
  return debian || (onPath('initdb') && onPath('postgres'));
}

function isDebianRoot(): boolean {
  const release = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  return process.getuid?.() === 0 && /^ID(_LIKE)?=.*debian/m.test(release) && onPath('apt-get');
}

function installMissing(): void {
  const missing = PROGRAMS.filter(({ there }) => !there());
  if (missing.length === 0) return;
  const packages = missing.map(({ debian }) => debian);
  if (!isDebianRoot()) {
    console.error(`The tests need ${missing.map(({ what }) => what).join(', ')}, not found on PATH.`);
    console.error(`On Debian: sudo apt-get install --no-install-recommends ${packages.join(' ')}`);
    process.exit(1);
  }
  console.log(`Installing ${packages.join(', ')} …`);
  // Packages must not start their services: the tests have servers of their own.
  const policy = '/usr/sbin/policy-rc.d';
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const apt = (...args: string[]) => run('apt-get', ['-qq', '-o', 'Dpkg::Use-Pty=0', ...args], { env });
  const install = () => apt('install', '-y', '--no-install-recommends', ...packages);
  apt('update');
  if (existsSync(policy)) {
    install();
    return;
  }
  run('sh', ['-c', `printf '#!/bin/sh\\nexit 101\\n' > ${policy} && chmod 755 ${policy}`]);
  try {
    install();
  } finally {
    rmSync(policy, { force: true });
  }
}

/** The frameworks that pages of the e2e suite are made with: a lock file and a node_modules of their own. */
function installFrameworks(): void {
  const folder = 'test/e2e/frameworks';
  const lock = createHash('sha256')
    .update(readFileSync(join(folder, 'package-lock.json')))
    .digest('hex');
  const installed = join(folder, 'node_modules/.installed-by-lock');
  if (existsSync(installed) && readFileSync(installed, 'utf8') === lock) return;
  console.log(`Installing the frameworks of ${folder} …`);
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', folder]);
  writeFileSync(installed, lock);
}

function run(command: string, args: string[], options: { env?: NodeJS.ProcessEnv } = {}): void {
  const { status, signal } = spawnSync(command, args, { stdio: 'inherit', ...options });
  if (status !== 0) throw new Error(`${command} ${args[0] ?? ''} ended with ${signal ?? status}`);
}

/** What became of everything that the fault suite sent: a line a scenario. */
function showBooks(lines: string): void {
  const rows = lines
    .trim()
    .split('\n')
    .map((line): Record<string, unknown> => JSON.parse(line));
  console.log('\nThe fault suite: sent = accepted + repeated + rejected + refused, lost = 0');
  rows.sort((a, b) => String(a.scenario).localeCompare(String(b.scenario)));
  console.table(Object.fromEntries(rows.map(({ scenario, ...book }) => [scenario, book])));
}

interface Report {
  numPassedTests: number;
  numFailedTests: number;
  numFailedTestSuites: number;
  numPendingTests: number;
  success: boolean;
}

/** Runs the suites; a file that could not even be loaded counts as one failure. */
function runSuites(): { passed: number; failed: number; skipped: number } {
  const folder = mkdtempSync(join(tmpdir(), 'calltrk-test-'));
  const file = join(folder, 'report.json');
  const books = join(folder, 'books');
  const projects = values.only ? ['--project', values.only] : [];
  const { status } = spawnSync(
    process.execPath,
    [
      'node_modules/vitest/vitest.mjs',
      'run',
      ...projects,
      '--reporter=default',
      '--reporter=json',
      '--reporter=./test/support/second-tries.ts',
      `--outputFile.json=${file}`,
    ],
    {
      stdio: 'inherit',
      env: { ...process.env, FAULT_BOOKS: books, ...(values.rounds ? { FAULT_ROUNDS: values.rounds } : {}) },
    },
  );
  if (existsSync(books)) showBooks(readFileSync(books, 'utf8'));
  if (!existsSync(file)) return { passed: 0, failed: 1, skipped: 0 };
  const report = JSON.parse(readFileSync(file, 'utf8')) as Report & {
    testResults: { status: string; assertionResults: unknown[] }[];
  };
  rmSync(folder, { recursive: true });
  const unloaded = report.testResults.filter(
    (r) => r.status === 'failed' && r.assertionResults.length === 0,
  ).length;
  const failed = report.numFailedTests + unloaded;
  return {
    passed: report.numPassedTests,
    failed: failed === 0 && status !== 0 ? 1 : failed,
    skipped: report.numPendingTests,
  };
}

let failed = 0;
try {
  installMissing();
  if (!values.only || values.only === 'e2e') installFrameworks();
  run(process.execPath, ['esbuild.config.mjs']);
  if (!values.only) {
    for (const check of [
      ['biome', 'ci', '--error-on-warnings', '.'],
      ['tsc', '-b'],
      ['knip'],
      ['size-limit'],
    ]) {
      console.log(`\n> ${check.join(' ')}`);
      run(join('node_modules/.bin', check[0] ?? ''), check.slice(1));
    }
  }
  const total = runSuites();
  failed = total.failed;
  if (total.skipped > 0) console.log(`\n${total.skipped} skipped: what this machine cannot run`);
  console.log(`\n${total.passed} passed, ${total.failed} failed`);
} catch (error) {
  console.error((error as Error).message);
  console.log('\n0 passed, 1 failed');
  failed = 1;
}
process.exitCode = failed === 0 ? 0 : 1;

import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test, vi } from 'vitest';

// A compiler takes its time where others use the machine, too.
vi.setConfig({ testTimeout: 30_000 });

const TSC = resolve('node_modules/typescript/bin/tsc');
const SITE = 'test/unit/types/site.ts';

/** What the compiler says to a site that has nothing but a copy of the file, the browser's types and this code. */
async function compile(code: string, ...options: string[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'calltrk-types-'));
  try {
    copyFileSync('snippet/calltrk.d.ts', join(folder, 'calltrk.d.ts'));
    writeFileSync(join(folder, 'site.ts'), code.replace(/(<reference path=").*(?=calltrk)/, '$1'));
    const all = [
      '--noEmit',
      '--target',
      'es2020',
      '--lib',
      'es2020,dom',
      '--types',
      '',
      ...options,
      'site.ts',
    ];
    const { stdout } = await promisify(execFile)(process.execPath, [TSC, ...all], { cwd: folder }).catch(
      (failed) => failed as { stdout: string },
    );
    return stdout;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test.each([
  ['strict', ['--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess']],
  ['strict, for a bundler', ['--strict', '--module', 'esnext', '--moduleResolution', 'bundler']],
  ['with its own global declarations checked', ['--strict', '--skipLibCheck', 'false']],
])(
  'a site that is %s compiles with a copy of calltrk.d.ts, and its mistakes are found',
  async (_, options) => {
    expect(await compile(readFileSync(SITE, 'utf8'), ...options)).toBe('');
  },
);

test('a reaction to an event may be queued, if it is one to this event', async () => {
  const queue = (rest: string) =>
    compile(`/// <reference path="calltrk.d.ts" />\nwindow.CallTrk?.q?.push(['on', ${rest}]);`, '--strict');
  expect(await queue("'assign', ({ numbers }: CallTrkEvents['assign']) => numbers['+13055550100']")).toBe('');
  expect(await queue("'assign', ({ count }: CallTrkEvents['swap']) => count")).toMatch(/error TS/);
});

test('a mistake of a site is told', async () => {
  const said = await compile(
    '/// <reference path="calltrk.d.ts" />\nwindow.CallTrk?.consent?.("yes");',
    '--strict',
  );
  expect(said).toMatch(/site\.ts\(2,\d+\): error TS2345/);
});

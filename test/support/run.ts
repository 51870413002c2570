/**
 * What the test files of one run share. Made before the first of them by Vitest (`globalSetup`), which tells the
 * processes of the files by their environment; what is not there, as in a bench, everybody makes for himself.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './processes.js';

/** Where the templates are. */
const TEMPLATES = 'CALLTRK_TEST_TEMPLATES';

/** A place for templates, which goes with the run. */
export default function prepareRun(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'calltrk-templates-'));
  // An account of Postgres' own has to get through.
  chmodSync(folder, 0o755);
  process.env[TEMPLATES] = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}

/**
 * A folder as `make` makes it in `target`, which is not there yet: by `make` once in a run, and after that by copying.
 * Whoever needs it while somebody makes it waits for that.
 */
export async function fromTemplate(
  name: string,
  target: string,
  make: (folder: string) => Promise<unknown>,
): Promise<void> {
  const folder = process.env[TEMPLATES];
  if (!folder) {
    await make(target);
    return;
  }
  const template = join(folder, name);
  if (!existsSync(template) && isFirst(`${template}.turn`)) {
    await make(`${template}.new`);
    renameSync(`${template}.new`, template);
  }
  await until(() => existsSync(template) || undefined, { what: template, timeoutMs: 50_000 });
  execFileSync('cp', ['-a', template, target]);
}

function isFirst(turn: string): boolean {
  try {
    mkdirSync(turn);
    return true;
  } catch {
    return false;
  }
}

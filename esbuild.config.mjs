/**
 * Builds everything that runs: the snippet as one minified script, the server file by file (so that a stack trace
 * and `import.meta.url` mean the same in `dist/` as in the source), and copies the SQL files beside it. All of it goes to
 * a folder aside that takes the place of `dist/` at the end, so that whoever starts in the meantime finds a whole one.
 */
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { build } from 'esbuild';
import { buildSnippet } from './snippet/build.mjs';

// For commands beside a server: they run what it runs, also where nothing may be written.
if (process.argv.includes('--if-missing') && existsSync('dist/server/main.js')) process.exit(0);

const { version } = JSON.parse(await readFile(new URL('package.json', import.meta.url), 'utf8'));

const out = `dist.${process.pid}`;
await rm(out, { recursive: true, force: true });
await Promise.all([
  buildSnippet(version).then(async (script) => {
    await mkdir(`${out}/snippet`, { recursive: true });
    await writeFile(`${out}/snippet/swap.js`, script);
  }),
  build({
    // Of the scripts those that operators use, where packages for development are not installed.
    entryPoints: [
      'server/**/*.ts',
      'shared/**/*.ts',
      ...['backup', 'restore', 'database-command', 'simulate-call'].map((name) => `scripts/${name}.ts`),
    ],
    outdir: out,
    outbase: '.',
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    sourcemap: 'linked',
    logLevel: 'warning',
  }),
]);
await Promise.all([
  cp('snippet/calltrk.d.ts', `${out}/snippet/calltrk.d.ts`),
  cp('server/storage/postgres/migrations', `${out}/server/storage/postgres/migrations`, { recursive: true }),
  cp('server/storage/redis/lua', `${out}/server/storage/redis/lua`, { recursive: true }),
  cp('server/http/demo', `${out}/server/http/demo`, { recursive: true }),
]);
await takeItsPlace();

/** Two builds at once may meet here: the later one stands. */
async function takeItsPlace(attempt = 1) {
  const old = `${out}.old`;
  await rename('dist', old).catch(() => undefined);
  const failure = await rename(out, 'dist').catch((error) => error);
  await rm(old, { recursive: true, force: true });
  if (failure && attempt === 5) throw failure;
  if (failure) await takeItsPlace(attempt + 1);
}

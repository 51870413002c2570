/**
 * Builds everything that runs: the snippet as one minified script, the server file by file (so that a stack trace
 * and `import.meta.url` mean the same in `dist/` as in the source), and copies the SQL files beside it.
 */
import { cp, readFile, rm } from 'node:fs/promises';
import { build } from 'esbuild';

const { version } = JSON.parse(await readFile(new URL('package.json', import.meta.url), 'utf8'));

await rm('dist', { recursive: true, force: true });
await Promise.all([
  build({
    entryPoints: ['snippet/index.ts'],
    outfile: 'dist/snippet/swap.js',
    bundle: true,
    minify: true,
    format: 'iife',
    // ES2020: every browser since the spring of 2020.
    target: 'es2020',
    charset: 'ascii',
    legalComments: 'none',
    banner: { js: `/* calltrk ${version} MIT */` },
    logLevel: 'warning',
  }),
  build({
    entryPoints: ['server/**/*.ts', 'shared/**/*.ts'],
    outdir: 'dist',
    outbase: '.',
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    sourcemap: 'linked',
    logLevel: 'warning',
  }),
]);
await Promise.all([
  cp('server/storage/postgres/migrations', 'dist/server/storage/postgres/migrations', { recursive: true }),
  cp('server/http/demo', 'dist/server/http/demo', { recursive: true }),
]);

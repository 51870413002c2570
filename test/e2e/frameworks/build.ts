/**
 * Bundles the pages of `apps/` for the browser and for Node, each in development and in production, with the
 * frameworks' own compilers. A bundle is kept in this folder's node_modules until something it was made of changes.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { APPS, type App, type Mode } from './apps.js';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const KEPT = join(HERE, 'node_modules/.cache/bundles');
const fromHere = createRequire(join(HERE, 'package.json'));

/** For what was written for CommonJS. */
const REQUIRE =
  "import { createRequire as createRequireOfBundle } from 'node:module';" +
  'const require = createRequireOfBundle(import.meta.url);';

export interface Bundle {
  /** The script of the page. */
  client: string;
  /** The module that renders it in Node. */
  server: string;
}

/** Where the bundles of every page are; makes those that are missing. */
export async function bundlesOf(mode: Mode): Promise<Map<string, Bundle>> {
  if (!existsSync(join(HERE, 'node_modules/vue')))
    throw new Error('The frameworks are missing: npm ci --ignore-scripts --prefix test/e2e/frameworks');
  const folder = join(KEPT, `${mode}-${fingerprint()}`);
  if (!existsSync(folder)) await buildAll(mode, folder);
  const bundle = (name: string): Bundle => ({
    client: join(folder, `${name}.js`),
    server: join(folder, `${name}.server.mjs`),
  });
  return new Map(APPS.map(({ name }) => [name, bundle(name)]));
}

/** Of everything that a bundle is made of. */
function fingerprint(): string {
  const hash = createHash('sha256');
  const files = readdirSync(join(HERE, 'apps'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  for (const file of [
    ...files.sort(),
    ...['package-lock.json', 'build.ts', 'apps.ts'].map((f) => join(HERE, f)),
  ])
    hash.update(`${file}\n`).update(readFileSync(file));
  return hash.digest('hex').slice(0, 16);
}

async function buildAll(mode: Mode, folder: string): Promise<void> {
  const aside = `${folder}.${process.pid}`;
  for (const app of APPS) {
    const common = { ...commonOptions(app, mode), logLevel: 'error' } satisfies BuildOptions;
    await Promise.all([
      build({
        ...common,
        entryPoints: [join(HERE, 'apps', app.client)],
        outfile: join(aside, `${app.name}.js`),
        format: 'iife',
        platform: 'browser',
        conditions: [mode, 'module'],
        minify: mode === 'production',
        plugins: compilers(mode, 'client'),
      }),
      build({
        ...common,
        entryPoints: [join(HERE, 'apps', app.server)],
        outfile: join(aside, `${app.name}.server.mjs`),
        format: 'esm',
        platform: 'node',
        conditions: [mode, 'module'],
        banner: { js: REQUIRE },
        plugins: compilers(mode, 'server'),
      }),
    ]);
  }
  // Whoever else builds the same may have been faster.
  try {
    renameSync(aside, folder);
  } catch {
    rmSync(aside, { recursive: true });
  }
}

function commonOptions({ versions = {} }: App, mode: Mode): BuildOptions {
  return {
    absWorkingDir: HERE,
    bundle: true,
    target: 'es2022',
    alias: versions,
    define: {
      'process.env.NODE_ENV': JSON.stringify(mode),
      __VUE_OPTIONS_API__: 'true',
      __VUE_PROD_DEVTOOLS__: 'false',
      __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
      ...(mode === 'production' ? { ngDevMode: 'false' } : {}),
    },
  };
}

type Side = 'client' | 'server';

/** Each framework's own compiler, for the files that are written for it. */
function compilers(mode: Mode, side: Side): Plugin[] {
  const compile = (
    name: string,
    filter: RegExp,
    translate: (code: string, file: string) => string,
  ): Plugin => ({
    name,
    setup({ onLoad }) {
      onLoad({ filter }, ({ path }) => ({
        contents: translate(readFileSync(path, 'utf8'), path),
        loader: 'js',
      }));
    },
  });
  return [
    compile('svelte', /\.svelte$/, (code, filename) => {
      const { js } = fromHere('svelte/compiler').compile(code, {
        filename,
        generate: side,
        dev: mode === 'development',
      });
      return js.code;
    }),
    compile('solid', /solid\/.*\.jsx$/, (code, filename) => {
      const preset = [
        fromHere.resolve('babel-preset-solid'),
        { generate: side === 'client' ? 'dom' : 'ssr', hydratable: true },
      ];
      return fromHere('@babel/core').transformSync(code, { filename, presets: [preset], babelrc: false })
        .code;
    }),
    compile('vue', /\.vue$/, (code, filename) => {
      const { compileScript, parse } = fromHere('vue/compiler-sfc');
      const { descriptor } = parse(code, { filename, templateParseOptions: { prefixIdentifiers: true } });
      const id = createHash('sha256').update(filename).digest('hex').slice(0, 8);
      const isProd = mode === 'production';
      return compileScript(descriptor, {
        id,
        isProd,
        inlineTemplate: true,
        templateOptions: { ssr: side === 'server', ssrCssVars: [] },
      }).content;
    }),
  ];
}

/**
 * `npm run size`: what each module of the script costs, as a Markdown table for `snippet/README.md`. A row is by how much
 * the compressed file shrinks when the characters that come of the module, by the build's own source map, are cut out.
 */
import { SourceMap } from 'node:module';
import { brotliCompressSync, constants } from 'node:zlib';
import { buildMapped } from '../snippet/build.mjs';

const { code, map } = await buildMapped();
const sources = new SourceMap(map);
/** The module that each character comes of; what the build itself adds goes with the one before it. */
let line = 0;
let column = 0;
const origins = [...code].map((character) => {
  const entry = sources.findEntry(line, column++);
  if (character === '\n') [line, column] = [line + 1, 0];
  return 'originalSource' in entry ? nameOf(entry.originalSource) : '';
});
const whole = compressed(code);
const rows = [...new Set(origins)]
  .filter(Boolean)
  .map((module) => {
    const rest = [...code].filter((_, at) => origins[at] !== module).join('');
    return { module, characters: code.length - rest.length, bytes: Math.max(0, whole - compressed(rest)) };
  })
  .sort((a, b) => b.bytes - a.bytes);

console.log('| module | minified | brotli |\n| --- | ---: | ---: |');
for (const { module, characters, bytes } of rows) console.log(`| \`${module}\` | ${characters} | ${bytes} |`);
console.log(`| the whole script | ${code.length} | ${whole} |`);

function compressed(text: string): number {
  return brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
}

/** As the README of `snippet/` calls it: its own modules by their names, packages by theirs. */
function nameOf(source: string): string {
  const parts = source.split('/');
  if (source.includes('node_modules')) return parts[parts.lastIndexOf('node_modules') + 1] ?? source;
  return source.includes('shared/') ? `../shared/${parts.at(-1)}` : (parts.at(-1) ?? source);
}

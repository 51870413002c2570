import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { describe, expect, test } from 'vitest';

/**
 * Which folder may import what. The folders are walls: `domain` can be read, tested and reused without Fastify, Redis
 * or Postgres, and nothing but types of the server reaches a visitor's browser.
 */
interface Wall {
  folder: string;
  /** Files and folders of the project, as prefixes. */
  own: string[];
  /** Packages; a name that ends in `*` is a prefix. `node:*` are Node's own modules. */
  packages: string[];
  /** Prefixes from which only types may come. */
  typesOnly?: string[];
}

const SERVER_PACKAGES = [
  'fastify',
  '@fastify/*',
  'typebox',
  'isbot',
  'tldts',
  'prom-client',
  'pino',
  'node:*',
];
const PORTS = ['server/domain/ports', 'server/domain/errors', 'shared/'];

const WALLS: Wall[] = [
  { folder: 'shared/contract/', own: ['shared/'], packages: ['typebox'] },
  // What the page carries of the sources; the rest names them by the Public Suffix List, which no page should carry.
  { folder: 'shared/source-match', own: ['shared/contract/'], packages: [], typesOnly: ['shared/contract/'] },
  { folder: 'shared/source.ts', own: ['shared/'], packages: ['tldts'] },
  { folder: 'shared/', own: ['shared/'], packages: [] },
  {
    folder: 'snippet/',
    own: ['snippet/', 'shared/phone', 'shared/source-match', 'shared/contract/'],
    packages: [],
    typesOnly: ['shared/contract/'],
  },
  { folder: 'server/domain/', own: ['server/domain/', 'shared/'], packages: ['libphonenumber-js'] },
  {
    folder: 'server/storage/postgres/',
    own: [
      ...PORTS,
      'server/storage/postgres/',
      'server/domain/reports',
      'server/domain/report-dates',
      // Asked in the middle of a transaction, about what it has just read.
      'server/domain/persons',
    ],
    packages: ['pg', 'node:*'],
  },
  {
    folder: 'server/storage/memory/',
    own: [...PORTS, 'server/domain/lease-pool', 'server/storage/memory/'],
    packages: ['node:*'],
  },
  {
    folder: 'server/storage/redis/',
    own: [...PORTS, 'server/domain/lease-pool', 'server/storage/redis/'],
    packages: ['ioredis', 'node:*'],
  },
  {
    folder: 'server/storage/embedded/',
    own: [...PORTS, 'server/storage/embedded/'],
    packages: ['pg', 'node:*'],
  },
  {
    folder: 'server/telephony/',
    own: ['server/telephony/', 'server/domain/', 'shared/'],
    packages: SERVER_PACKAGES,
  },
  {
    folder: 'server/http/',
    own: ['server/http/', 'server/telephony/', 'server/domain/', 'shared/'],
    packages: SERVER_PACKAGES,
  },
  { folder: 'server/jobs/', own: ['server/jobs/', 'server/domain/', 'shared/'], packages: SERVER_PACKAGES },
  { folder: 'server/', own: ['server/', 'shared/'], packages: [...SERVER_PACKAGES, 'close-with-grace'] },
];

/** `import … from 'x'`, `export … from 'x'`, `import 'x'` and `import('x')`. */
const IMPORT =
  /^(?:import|export)\s+(type\s)?(?:[^;'"=]*?\sfrom\s+)?'([^']+)';|\bimport\(\s*'([^']+)'\s*\)/gm;

function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .map((name) => join(folder, name).replaceAll('\\', '/'));
}

function importsOf(file: string): { from: string; typeOnly: boolean }[] {
  return [...readFileSync(file, 'utf8').matchAll(IMPORT)].map(([, type, from, dynamic]) => {
    const name = from ?? dynamic ?? '';
    const path = name.startsWith('.') ? relative('.', normalize(join(dirname(file), name))) : name;
    return { from: path.replace(/\.js$/, ''), typeOnly: type !== undefined };
  });
}

function faults(file: string): string[] {
  const wall = WALLS.find(({ folder }) => file.startsWith(folder));
  if (!wall) return [`${file} belongs to no folder with rules`];
  return importsOf(file)
    .filter(({ from, typeOnly }) => {
      const isProject = /^(shared|snippet|server|test|scripts)\//.test(from);
      const allowed = isProject
        ? wall.own.some((prefix) => from.startsWith(prefix))
        : wall.packages.some((name) =>
            name.endsWith('*')
              ? from.startsWith(name.slice(0, -1))
              : from === name || from.startsWith(`${name}/`),
          );
      const leaks = !typeOnly && wall.typesOnly?.some((prefix) => from.startsWith(prefix));
      return !allowed || leaks;
    })
    .map(({ from }) => `${file} may not import ${from}`);
}

describe('the folders are walls', () => {
  const files = ['shared', 'snippet', 'server'].flatMap(sourceFiles);

  test('it looked at files, and at their imports', () => {
    expect(files.length).toBeGreaterThan(50);
    expect(files.flatMap(importsOf).length).toBeGreaterThan(150);
    for (const { folder } of WALLS.filter((wall) => wall.folder !== 'server/jobs/')) {
      expect(
        files.some((file) => file.startsWith(folder)),
        folder,
      ).toBe(true);
    }
  });

  test('every import is allowed', () => {
    expect(files.flatMap(faults)).toEqual([]);
  });

  test('nothing imports in a circle', () => {
    const graph = new Map(
      files.map((file) => [
        file.replace(/\.ts$/, ''),
        importsOf(file)
          .filter((one) => !one.typeOnly)
          .map(({ from }) => from),
      ]),
    );
    const done = new Set<string>();
    const visit = (file: string, path: string[]): string[] => {
      if (path.includes(file)) return [[...path.slice(path.indexOf(file)), file].join(' → ')];
      if (done.has(file)) return [];
      const circles = (graph.get(file) ?? []).flatMap((next) =>
        graph.has(next) ? visit(next, [...path, file]) : [],
      );
      done.add(file);
      return circles;
    };
    expect([...graph.keys()].flatMap((file) => visit(file, []))).toEqual([]);
  });
});

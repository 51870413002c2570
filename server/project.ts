import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where the project lies (the folder of package.json, from the source as from `dist/`), and its version. */
export async function findProject(): Promise<{ root: string; version: string }> {
  let root = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const text = await readFile(join(root, 'package.json'), 'utf8').catch(() => undefined);
    if (text !== undefined) return { root, version: (JSON.parse(text) as { version: string }).version };
    if (root === dirname(root)) throw new Error(`package.json was not found above ${import.meta.url}`);
    root = dirname(root);
  }
}

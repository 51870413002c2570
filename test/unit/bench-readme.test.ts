import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';

test('the example for your own traffic runs as it is written, and joins its call', async () => {
  const folder = new URL('../bench/', import.meta.url);
  const text = readFileSync(new URL('README.md', folder), 'utf8');
  const code = /```ts\n([\s\S]*?)```/.exec(text)?.[1] ?? '';
  const file = new URL(`example-${process.pid}.ts`, folder);
  writeFileSync(file, code);
  try {
    const { joined, weights, number } = await import(file.href);
    expect(number).toMatch(/^\+1305555010\d$/);
    expect(joined).toMatchObject({ visit: 'v1', source: 'google_paid', method: 'sole_holder' });
    expect(weights[0].weight).toBe(joined.confidence);
    expect(
      code
        .trim()
        .split('\n')
        .filter((line) => line !== '').length,
    ).toBeLessThan(25);
  } finally {
    rmSync(file);
  }
});

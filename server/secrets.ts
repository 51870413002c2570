import { randomBytes } from 'node:crypto';
import { link, open, readFile, rm } from 'node:fs/promises';

const MIN_LENGTH = 32;

/**
 * The secret in a file, made at the first start: 256 bits, readable by its owner only. Two processes that start at
 * once agree on one.
 */
export async function readOrMakeSecret(path: string): Promise<string> {
  const present = await readSecret(path);
  if (present !== undefined) return present;
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(`${randomBytes(32).toString('hex')}\n`);
    await file.sync();
    await file.close();
    // link, not rename: who comes second must not replace what the first one already uses.
    await link(draft, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(draft, { force: true });
  }
  return (await readSecret(path)) as string;
}

/** Undefined when there is no file. One that was emptied or cut is refused: whoever guessed it would be let in. */
async function readSecret(path: string): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new Error(`${path} cannot be read: ${error.message}`);
  });
  if (text === undefined) return undefined;
  const secret = text.trim();
  if (secret.length >= MIN_LENGTH && !/\s/.test(secret)) return secret;
  throw new Error(
    `${path} does not hold a secret of ${MIN_LENGTH} characters or more. Put it back, or delete the file: a new one is made`,
  );
}

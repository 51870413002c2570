/** What the visits need of a browser, whatever way it is driven. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface Browser {
  /** As the browser tells it: `Firefox 153.7.0`. */
  readonly name: string;
  /** A new visitor's empty page, with nothing stored. */
  newVisitor(): Promise<Tab>;
  close(): Promise<void>;
}

export interface Tab {
  /** Resolves when the page has loaded. */
  goto(url: string): Promise<void>;
  /** The value of an expression in the page, awaited; it must be JSON. Throws what the page throws. */
  ask<T>(expression: string): Promise<T>;
  /** A real click in the middle of what the selector finds. */
  click(selector: string): Promise<void>;
  close(): Promise<void>;
}

/** A command that the browser has not answered by then has failed. */
export const COMMAND_MS = 30_000;

/** The program's path, of names on PATH and paths as they are; undefined if the machine has none. */
export function findProgram(...names: string[]): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return names
    .flatMap((name) => (name.startsWith('/') ? [name] : folders.map((folder) => join(folder, name))))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** An expression whose value, or what it throws, comes back as text. */
export function asJson(expression: string): string {
  return `(async () => { try { return JSON.stringify({ value: await (${expression}) }); } catch (error) { return JSON.stringify({ error: String(error) }); } })()`;
}

/** The value that `asJson` made text of. */
export function fromJson<T>(text: string): T {
  const { value, error } = JSON.parse(text) as { value: T; error?: string };
  if (error !== undefined) throw new Error(error);
  return value;
}

/** A server whose clock the test turns. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface ServerClock {
  /** For the environment of each server that is to go by it. */
  env: Record<string, string>;
  /** From now on those servers are so many milliseconds ahead. */
  turn(ms: number): Promise<void>;
  remove(): void;
}

/** How often a server looks how far off its clock is. */
const LOOK_MS = 20;

/** Runs in the server before anything else: the clock is as far off as a file says, at any moment. */
const SHIFT_CLOCK = `
import { readFileSync } from 'node:fs';
const Right = Date;
let off = 0;
const look = () => { try { off = Number(readFileSync(process.env.CLOCK_OFF, 'utf8')) || 0; } catch {} };
look();
setInterval(look, ${LOOK_MS}).unref();
globalThis.Date = class Date extends Right {
  constructor(...given) { if (given.length > 0) super(...given); else super(Right.now() + off); }
  static now() { return Right.now() + off; }
};`;

export function createServerClock(): ServerClock {
  const folder = mkdtempSync(join(tmpdir(), 'calltrk-clock-'));
  const file = join(folder, 'off');
  return {
    env: {
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(SHIFT_CLOCK)}`,
      CLOCK_OFF: file,
    },
    async turn(ms) {
      writeFileSync(file, String(ms));
      await new Promise((done) => setTimeout(done, 5 * LOOK_MS));
    },
    remove: () => rmSync(folder, { recursive: true }),
  };
}

/** What `backup` and `restore` have in common: one argument, the environment, a database for as long as it takes. */
import { parseArgs } from 'node:util';
import { loadConfig } from '../server/config.js';
import { findProject } from '../server/project.js';
import { visitEmbeddedPostgres } from '../server/storage/embedded/visit.js';
import type { PostgresAddress } from '../server/storage/postgres/connect.js';

export interface DatabaseTask {
  address: PostgresAddress;
  version: string;
  /** A line for the person who waits, on stderr. */
  tell: (line: string) => void;
  /** Ctrl-C and the like. */
  signal: AbortSignal;
}

interface DatabaseCommand {
  name: string;
  help: string;
  /** Make the embedded database where there is none. */
  makeDatabase: boolean;
  /** What is done before the database is reached. */
  prepare?: (file: string, task: Omit<DatabaseTask, 'address'>) => Promise<void>;
  /** Answers what was done, for the last line. */
  work: (file: string, task: DatabaseTask) => Promise<string>;
}

/** Runs the command on the database that the environment names; sets the exit code, and says in a line how it went. */
export async function runOnDatabase(command: DatabaseCommand): Promise<void> {
  const say = (line: string) => process.stderr.write(`${command.name}: ${line}\n`);
  const told = new AbortController();
  // Not `once`: on one Ctrl-C npm passes on a second SIGINT, and that would end us before we have cleaned up.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => told.abort(new Error(`${signal}: broken off`)));
  }
  try {
    const { values, positionals } = readArguments();
    const [file, ...more] = positionals;
    if (values.help || file === undefined || more.length > 0) {
      process.stderr.write(`${command.help}\n`);
      process.exitCode = values.help ? 0 : 1;
      return;
    }
    const config = loadConfig(process.env);
    const { root, version } = await findProject();
    const task = { version, tell: say, signal: told.signal };
    await command.prepare?.(file, task);
    if (config.databaseUrl !== undefined) {
      say(await command.work(file, { ...task, address: { connectionString: config.databaseUrl } }));
      return;
    }
    const log = (message: string) => say(message);
    const embedded = await visitEmbeddedPostgres(
      { dataDir: config.dataDir, projectRoot: root, log },
      { make: command.makeDatabase },
    );
    try {
      say(await command.work(file, { ...task, address: { ...embedded.connection, ssl: false } }));
    } finally {
      await embedded.end();
    }
  } catch (error) {
    const { message, code } = error as { message?: string; code?: string };
    const reason = told.signal.aborted ? (told.signal.reason as Error).message : message || code;
    say(`failed: ${reason}`);
    process.exitCode = 1;
  }
}

function readArguments() {
  return parseArgs({
    allowPositionals: true,
    options: { help: { type: 'boolean', short: 'h', default: false } },
  });
}

import { open, readFile, rename, rm } from 'node:fs/promises';
import type { Route } from './domain/directory.js';
import type { PhoneNumber } from './domain/ports.js';

/**
 * The map from number to destination on disk, so that calls are forwarded right after a restart with Postgres away.
 * Written whole and renamed into place: a reader sees the old one or the new one.
 */
export interface RoutingFile {
  /** Empty where there is no file, or a broken one: the database has it all. */
  read(): Promise<Map<PhoneNumber, Route>>;
  write(routes: Record<PhoneNumber, Route>): Promise<void>;
}

export function createRoutingFile(path: string, warn: (line: string) => void): RoutingFile {
  let turn: Promise<unknown> = Promise.resolve();
  return {
    async read() {
      try {
        const routes = Object.entries(JSON.parse(await readFile(path, 'utf8')) as Record<PhoneNumber, Route>);
        return new Map(routes.filter(([, route]) => typeof route?.destinationNumber === 'string'));
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        if (code !== 'ENOENT') warn(`${path} cannot be read and will be written anew: ${message}`);
        return new Map();
      }
    },
    write(routes) {
      const next = turn.then(async () => {
        const draft = `${path}.new`;
        try {
          const file = await open(draft, 'w', 0o600);
          await file.writeFile(JSON.stringify(routes));
          await file.sync();
          await file.close();
          await rename(draft, path);
        } catch (error) {
          await rm(draft, { force: true });
          throw error;
        }
      });
      turn = next.catch(() => undefined);
      return next;
    },
  };
}

import { invalid, isRefusal, unavailable } from '../../domain/errors.js';
import { sqlState } from './connect.js';

/** The same methods, with what Postgres throws put into the words of `domain/errors`. */
export function withRefusals<Store extends object>(store: Store): Store {
  const guarded = Object.entries(store).map(([name, method]) => [
    name,
    async (...given: unknown[]) => {
      try {
        return await method(...given);
      } catch (error) {
        throw refusalOf(error);
      }
    },
  ]);
  return Object.fromEntries(guarded);
}

function refusalOf(error: unknown): unknown {
  if (isRefusal(error) || !(error instanceof Error)) return error;
  const state = sqlState(error);
  // Class 22, data exception: a character or a number that no column can hold.
  if (state?.startsWith('22')) return invalid('request', 'has a value that cannot be stored or compared');
  // Classes 08, 53 and 57: no connection, no room, shutting down or out of time.
  if (state !== undefined) return /^(08|53|57)/.test(state) ? unavailable('The record', error) : error;
  // No SQLSTATE: an error of the socket (ECONNREFUSED …), or one that pg makes of its own, which has no code.
  const { code } = error as { code?: unknown };
  const silent =
    typeof code === 'string'
      ? /^E[A-Z]+$/.test(code)
      : /connect|terminated|timeout|closed/i.test(error.message);
  return silent ? unavailable('The record', error) : error;
}

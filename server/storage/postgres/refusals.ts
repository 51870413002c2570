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

/**
 * What passes, so that the same request may come again: no connection (08), read only as a standby is (25006), asked
 * to do it once more (40001, 40P01), no room (53), locked by somebody else (55P03), shutting down or out of time
 * (57), the machine's own I/O (58). https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const AWAY = /^(08|25006|40001|40P01|53|55P03|57|58)/;

function refusalOf(error: unknown): unknown {
  if (isRefusal(error) || !(error instanceof Error)) return error;
  const state = sqlState(error);
  // Class 22, data exception: a character or a number that no column can hold.
  if (state?.startsWith('22')) return invalid('request', 'has a value that cannot be stored or compared');
  if (state !== undefined) return AWAY.test(state) ? unavailable('The record', error) : error;
  // No SQLSTATE: an error of the socket (ECONNREFUSED …), or one that pg makes of its own, which has no code.
  const { code } = error as { code?: unknown };
  const silent =
    typeof code === 'string'
      ? /^E[A-Z]+$/.test(code)
      : /connect|terminated|timeout|closed/i.test(error.message);
  return silent ? unavailable('The record', error) : error;
}

/** localStorage, which may be missing, full, forbidden or full of somebody else's words. All names begin with ours. */
import { parse, safely, stringify } from './guard.js';

/** What was kept under this name by `writeLocal`, unchecked; `undefined` if it cannot be had. */
export const readLocal = safely((name: string): unknown =>
  parse(localStorage.getItem(`calltrk-${name}`) ?? ''),
);

export const writeLocal = safely((name: string, value: unknown): void =>
  localStorage.setItem(`calltrk-${name}`, stringify(value)),
);

export const eraseLocal = safely((): void => {
  for (const name of Object.keys(localStorage)) if (/^calltrk-/.test(name)) localStorage.removeItem(name);
});

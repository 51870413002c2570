/** localStorage, which may be missing, full, forbidden or full of somebody else's words. */
import { safely } from './guard.js';

/** What was kept under this name by `writeLocal`, unchecked; `undefined` if it cannot be had. */
export const readLocal = safely((name: string): unknown => JSON.parse(localStorage.getItem(name) ?? ''));

export const writeLocal = safely((name: string, value: unknown): void =>
  localStorage.setItem(name, JSON.stringify(value)),
);

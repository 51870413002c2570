/** What this browser keeps for us, each of which may be missing, full, forbidden or full of somebody else's words. */
import { config } from './config.js';
import { fromDocument, parse, safely, stringify } from './guard.js';

/** What was kept in localStorage under this name, unchecked; nothing if there is nothing, or it cannot be had. */
export const readLocal = safely((name: string): unknown =>
  // To fail is slow, and nothing is usual.
  parse(localStorage[`calltrk-${config.key}${name}`] ?? null),
);

export const writeLocal = safely((name: string, value: unknown): void => {
  localStorage[`calltrk-${config.key}${name}`] = stringify(value);
});

export const eraseLocal = safely((name: string): void => {
  delete localStorage[`calltrk-${config.key}${name}`];
});

/**
 * Every value of a cookie, as js-cookie 3 reads it, among others that are empty: one of the host and one of the
 * domain can stand side by side. Before 2023 CallRail put the company's number behind the name.
 */
export function readCookies(name: string): (string | undefined)[] {
  return `${safely(fromDocument)('cookie')}`
    .split('; ')
    .map(safely((cookie) => decodeURIComponent(cookie.match(`^calltrk_${name}(_\\d+)?=(.+)`)?.[2] ?? '')));
}

/** How many labels the domain has on which a cookie was kept. */
let widest = 2;

/** As js-cookie 3 writes it, on the widest domain on which the browser keeps it; a time that is over erases it. */
export const writeCookie = safely((name: string, value: string, until: number): void => {
  const encoded = value.replace(/["%,;\\]|[^!-~]/gu, encodeURIComponent);
  const expires = new Date(until).toUTCString();
  const secure = location.protocol === 'https:' ? '; Secure' : '';
  const labels = location.hostname.split('.');
  const isThere = () => !!value && readCookies(name).includes(value);
  for (let count = value ? widest : 2; count <= labels.length + 1 && !isThere(); count++) {
    // In the end without one: an address, a single name, or a suffix of a registry.
    const domain = labels[count - 1] ? `; domain=${labels.slice(-count).join('.')}` : '';
    const cookie = `calltrk_${name}=${encoded}; path=/; expires=${expires}${domain}; SameSite=Lax${secure}`;
    Reflect.set(Document.prototype, 'cookie', cookie, document);
    if (isThere()) widest = count;
  }
});

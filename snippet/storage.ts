/** What this browser keeps for us, each of which may be missing, full, forbidden or full of somebody else's words. */
import { fromDocument, parse, safely, stringify } from './guard.js';

/** What was kept in localStorage under this name, unchecked; `undefined` if it cannot be had. */
export const readLocal = safely((name: string): unknown =>
  parse(localStorage.getItem(`calltrk-${name}`) ?? ''),
);

export const writeLocal = safely((name: string, value: unknown): void =>
  localStorage.setItem(`calltrk-${name}`, stringify(value)),
);

export const eraseLocal = safely((): void => {
  for (const name of Object.keys(localStorage)) if (/^calltrk-/.test(name)) localStorage.removeItem(name);
});

/**
 * Every value of a cookie, as js-cookie 3 reads it: one of the host and one of the domain can stand side by side. Before
 * 2023 CallRail put the company's number behind the name.
 */
export const readCookies = safely((name: string): (string | undefined)[] =>
  fromDocument('cookie')
    .split('; ')
    .filter((cookie) => RegExp(`^${name}(_\\d+)?=`).test(cookie))
    .map(
      safely((cookie) => cookie.replace(/^.*?="?|"$/g, '').replace(/(%[\dA-F]{2})+/gi, decodeURIComponent)),
    ),
);

/** As js-cookie 3 writes it, on the widest domain on which the browser keeps it; a time that is over erases it. */
export const writeCookie = safely((name: string, value: string, until: number): void => {
  const encoded = encodeURIComponent(value).replace(
    /%(2[346BF]|3[AC-F]|40|5[BDE]|60|7[BCD])/g,
    decodeURIComponent,
  );
  const expires = new Date(until).toUTCString();
  const secure = location.protocol === 'https:' ? '; Secure' : '';
  const labels = location.hostname.split('.');
  for (let count = 2; count <= labels.length + 1; count++) {
    // In the end without one: an address, a single name, or a suffix of a registry.
    const domain =
      labels[count - 1] && /[a-z]$/i.test(location.hostname)
        ? `; domain=${labels.slice(-count).join('.')}`
        : '';
    const cookie = `${name}=${encoded}; path=/; expires=${expires}${domain}; SameSite=Lax${secure}`;
    Reflect.set(Document.prototype, 'cookie', cookie, document);
    if (value && readCookies(name)?.includes(value)) return;
  }
});

/** What the script was served with, and where it was served from. */
import type { ScriptConfig } from '../shared/contract/visitor.js';

/** The server puts this company's configuration here each time it serves the script. */
declare const __CALLTRK_CONFIG__: ScriptConfig;

export interface Settings {
  config: ScriptConfig;
  /** Where the API is, without a slash at the end. */
  base: string;
}

/** Read while the script runs for the first time: afterwards the page no longer knows which tag was ours. */
export function readSettings(): Settings {
  const tag = (document.currentScript ??
    document.querySelector('script[src*="swap.js"]')) as HTMLScriptElement | null;
  const consent = tag?.dataset.consent === 'wait' && { consent: 'wait' as const };
  return { config: { ...__CALLTRK_CONFIG__, ...consent }, base: apiBase(tag) };
}

/** `data-api` on the tag, else whatever stands before `/companies/` in its address, else its origin. */
function apiBase(tag: HTMLScriptElement | null): string {
  const { href, origin } = new URL(tag?.dataset.api ?? tag?.src ?? '', location.href);
  if (tag?.dataset.api) return href.replace(/\/+$/, '');
  return /^(.*?)\/companies\//.exec(href)?.[1] ?? origin;
}

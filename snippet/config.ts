/** What the script was served with, and where it was served from. */
import type { ScriptConfig } from '../shared/contract/visitor.js';

/** The server puts this company's configuration here each time it serves the script. */
declare const __CALLTRK_CONFIG__: ScriptConfig;

export let config: ScriptConfig;
/** Where the API is, without a slash at the end. */
export let base: string;

/**
 * Read while the script runs for the first time: afterwards the page no longer knows which tag was ours. The API is at
 * `data-api` of the tag, else at whatever stands before `/companies/` in its address, else at its origin.
 */
export function readConfig(): void {
  const { currentScript } = document;
  const tag =
    currentScript?.localName === 'script'
      ? (currentScript as HTMLScriptElement)
      : document.querySelector<HTMLScriptElement>('script[src*="swap.js"]');
  const { api, consent } = tag?.dataset ?? {};
  const { href, origin } = new URL(api ?? tag?.src ?? '', location.href);
  const [prefix = '', company] = href.split('/companies/');
  config = __CALLTRK_CONFIG__;
  if (consent === 'wait') config.consent = consent;
  base = api ? href.replace(/\/+$/, '') : company ? prefix : origin;
}

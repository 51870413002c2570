/**
 * What the visitor chose. Until he agreed, or the site needs no agreement, nothing is stored or sent. The choice is
 * not remembered here: the site's consent manager has it and tells it on every page.
 */
import { config } from './config.js';
import { later, safely } from './guard.js';

/** How often a consent manager is looked for and listened to: none tells who was not there when it spoke. */
const LOOK_MS = 200;

/** https://github.com/InteractiveAdvertisingBureau/GDPR-Transparency-and-Consent-Framework, CMP API v2. */
interface TcData {
  gdprApplies?: boolean;
  eventStatus?: string;
  purpose?: { consents?: Record<string, boolean> };
}
type TcfApi = (
  command: 'addEventListener',
  version: 2,
  tell: (data: TcData, success: boolean) => void,
) => void;

/** `Global Privacy Control` is on in this browser: https://w3c.github.io/gpc/ */
export function hasPrivacyControl(): boolean {
  return !!(navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl;
}

/**
 * Calls `decide` with each new decision, the first one before it returns where it is known by then, and `said` is what
 * the page has decided. Returns what its later decisions go to. A signal of the browser that the company takes for a refusal is the last word.
 */
export function watchConsent(
  said: string | undefined,
  decide: (granted: boolean) => void,
): (state: string) => void {
  let decided: boolean | undefined;
  let heard: string | undefined;
  let hasTcf = false;
  const refuses = { gpc: hasPrivacyControl(), dnt: navigator.doNotTrack === '1' };
  const isRefused = config.refusals?.some((signal) => refuses[signal]);

  const tell = safely((granted: boolean) => {
    if (isRefused || granted === decided) return;
    decided = granted;
    decide(granted);
  });
  const hear = safely<[TcData, boolean], void>(({ gdprApplies, eventStatus, purpose }, success) => {
    if (success && (gdprApplies === false || /^(tcl|user)/.test(eventStatus ?? '')))
      tell(gdprApplies === false || !!purpose?.consents?.[1]);
  });

  function look(): void {
    // Google's Consent Mode: the last update in the data layer holds.
    let update: string | undefined;
    for (const entry of (window.dataLayer ?? []) as [string?, string?, Record<string, string>?][]) {
      if (entry?.[0] === 'consent' && entry[1] === 'update')
        update = entry[2]?.analytics_storage ?? entry[2]?.ad_storage ?? update;
    }
    if (update !== heard) tell(update === 'granted');
    heard = update;
    const tcf = (window as { __tcfapi?: TcfApi }).__tcfapi;
    if (tcf && !hasTcf) tcf('addEventListener', 2, hear);
    hasTcf = !!tcf;
    later(LOOK_MS, look);
  }

  if (config.consent === 'wait') safely(look)();
  else if (!said) tell(true);
  if (said) tell(said === 'granted');
  return (state) => tell(state === 'granted');
}

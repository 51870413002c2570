/**
 * What the visitor chose. Until he agreed, or the site needs no agreement, nothing is stored or sent. The choice is
 * not remembered here: the site's consent manager has it and tells it on every page.
 */
import { config } from './config.js';
import { later, safely } from './guard.js';

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
/** https://developers.google.com/tag-platform/security/guides/consent */
type ModeUpdate = ['consent', 'update', said?: { analytics_storage?: string; ad_storage?: string }];

/** `Global Privacy Control` is on in this browser: https://w3c.github.io/gpc/ */
export function hasPrivacyControl(): boolean {
  return !!(navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl;
}

/** How often a consent manager is looked for and listened to: none tells who was not there when it spoke. */
const LOOK_MS = 500;

/**
 * Calls `decide` with each new decision, the first one before it returns where it is known by then, and `said` is what
 * the page has decided. Returns what its later decisions go to. A signal of the browser that the company takes for a
 * refusal is the last word.
 */
export function watchConsent(
  said: string | undefined,
  decide: (granted: boolean) => void,
): (state: string) => void {
  let decided: boolean | undefined;
  let heard: ModeUpdate | undefined;
  let name: 'analytics_storage' | 'ad_storage' = 'ad_storage';
  let hasTcf = false;
  // On is `true` for the one and `'1'` for the other; nothing else that they say is a number.
  const isOn = (signal: string) => Number(navigator[signal as keyof Navigator]);
  if (config.refusals?.some(isOn)) {
    decide(false);
    return () => {};
  }

  const tell = safely((granted: boolean) => {
    if (granted === decided) return;
    decided = granted;
    decide(granted);
  });
  // A word that is neither is no decision: to take it for a refusal would forget who is here.
  const say = (state: string | undefined): boolean => {
    const isDecision = /^(granted|denied)$/.test(`${state}`);
    if (isDecision) tell(state === 'granted');
    return isDecision;
  };
  const hear = safely(({ gdprApplies, eventStatus, purpose }: TcData, success: boolean) => {
    if (success === false) return;
    if (gdprApplies === false) tell(true);
    else if (/load|user/.test(`${eventStatus}`)) tell(!!purpose?.consents?.[1]);
  });

  const look = safely(() => {
    later(LOOK_MS, look);
    // Google's Consent Mode: an update changes what it names, so advertising speaks only until analytics did. What
    // is said once more is another decision.
    let last: ModeUpdate | undefined;
    for (const entry of (window.dataLayer ?? []) as ModeUpdate[]) {
      if (entry?.[0] !== 'consent' || entry[1] !== 'update') continue;
      const said = entry[2];
      if (said?.analytics_storage) name = 'analytics_storage';
      if (said?.[name]) last = entry;
    }
    if (last !== heard) say(last?.[2]?.[name]);
    heard = last;
    const tcf = (window as { __tcfapi?: TcfApi }).__tcfapi;
    if (tcf && !hasTcf) tcf('addEventListener', 2, hear);
    hasTcf = !!tcf;
  });

  if (config.consent) look();
  if (!say(said) && !config.consent) tell(true);
  return say;
}

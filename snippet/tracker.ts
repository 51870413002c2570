/**
 * What the script does on a page, from top to bottom: ask whether it may, open the session and the visit, show the
 * numbers that are known, ask for the others, and stay with the page until it goes.
 */
import type { SwapRequest, SwapResponse } from '../shared/contract/visitor.js';
import { parseSpellings } from '../shared/phone.js';
import { createJudge, type Touch } from '../shared/source-match.js';
import { config } from './config.js';
import { hasPrivacyControl, watchConsent } from './consent.js';
import { debug, emit, explain } from './events.js';
import { type CapturedForm, watchForms, watchFormsIn } from './forms.js';
import { later, listen, stringify } from './guard.js';
import { readNumbers, writeNumbers } from './numbers.js';
import { forgive, observe, prepareObserver, quietly } from './observer.js';
import { watchRoutes } from './pages.js';
import { isPingDue, isVisible, pingEvery, watchPresence } from './pings.js';
import { prepareScan, reviseAgain, scan, sweep } from './scanner.js';
import { forgetSession, openFormSession, openSession, type Session } from './session.js';
import { assign, found, type Holder, numbers, prepareSwap, rest, settle, targetOf } from './swap.js';
import { watchTaps } from './taps.js';
import { catchUp, deliver, type NewEvent, post, send } from './transport.js';
import { createUuid } from './uuid.js';
import { currentTouch, cut, openVisit, parameter, touchVisit } from './visit.js';

/** Targets that the page brings one after another are asked for together. */
const GATHER_MS = 50;
/** What a page hides until the swap is shown after this long at the latest. */
const REVEAL_MS = 900;
/** After a request that failed; each time twice as long. */
const RETRY_MS = 2000;
/** How often it is looked whether a framework has come for what waits for it. */
const WAITING_MS = 50;
/** How often it is looked for what no observer tells of, as a shadow root that was attached later. */
const TICK_MS = 1000;
/** And so many times as long as that took there is a rest. */
const TICK_REST = 50;
const MAX_TARGETS = 100;
/** The parameter that brings a session from another site. */
const LINK = 'calltrk_link';

/** Who is here, and how: what there is once something may be stored. */
interface Presence {
  session: Session;
  visit: Touch;
  /** The view of this page, until the server has it. */
  view: NonNullable<SwapRequest['page']> | null;
}

let here: Presence | undefined;
/** Targets that a session tracker serves for this visitor, and of those what was asked for, whatever came of it. */
let pooled: Set<string>;
const asked = new Set<string>();
let heldUntil = 0;
let heldSeconds = 0;
let source = '';
let retryMs = RETRY_MS;
/** The numbers that the page was last told of. */
let told = '{}';
/** The token of another site with which the visitor came. */
let arrived: string | null;
/** Settles with every request so far. */
let answered: Promise<unknown> = Promise.resolve();

/** Begins. Returns what the page's own decisions about consent go to. */
export function startTracker(): (state: string) => void {
  takeToken();
  prepareSwap();
  if (config.forms) watchForms(tellForm, fillFields);
  prepareObserver((added, changed) => {
    scan(added);
    if (changed[0]) reviseAll(changed);
  });
  prepareScan(
    (root) => {
      const { defaultView } = root as Partial<Document>;
      observe(root);
      if (config.forms) watchFormsIn(defaultView ?? root);
      // Clicks leave a shadow root, and nothing leaves a frame.
      if (defaultView) watchTaps(defaultView, (tap) => tell({ type: 'tap', ...tap }, true));
    },
    (work) => {
      quietly(work);
      finish();
    },
  );
  // Before anybody has agreed to anything, a number for how this page was reached is all that can be shown.
  chooseSources(currentTouch());
  let isStarted = false;
  const decide = watchConsent((granted) => {
    if (granted) begin();
    else end();
    if (isStarted) show();
  });
  isStarted = true;
  show();

  watchPresence(() => tell({ type: 'leave' }, true));
  watchRoutes(() => tell({ type: 'page_view', ...pageHere() }));
  // What the page ends with has not been seen yet.
  listen('DOMContentLoaded', () => quietly(ask));
  listen('visibilitychange', () => isVisible() && Date.now() > heldUntil && askAgain());
  listen('pageshow', (event) => (event as PageTransitionEvent).persisted && askAgain());
  listen('online', () => here && catchUp());
  later(REVEAL_MS, reveal);
  later(0, tick);
  return decide;
}

/** Another site of the company may have sent the visitor on: how, is nobody's business that reads the address. */
function takeToken(): void {
  const { href } = location;
  arrived = parameter(LINK);
  if (arrived) history.replaceState(history.state, '', href.replace(RegExp(`([?&])${LINK}=[^&#]*&?`), '$1'));
}

/** From here on things may be stored and sent. */
function begin(): void {
  const session = openSession();
  here = { session, visit: openVisit(session.isNew), view: { id: createUuid(), ...pageHere() } };
  rest(false);
  chooseSources(session);
  // A returning visitor sees the number of last time at once; the answer corrects it.
  const stored = readNumbers(session.id);
  heldUntil = stored?.until ?? 0;
  for (const [target, number] of stored?.numbers ?? []) if (pooled.has(target)) assign(target, number);
  catchUp();
}

/** From here on nothing is, and nothing is left of what was. */
function end(): void {
  if (here) rest(true);
  here = undefined;
  forgetSession();
}

function show(): void {
  scan();
  fillFields();
  asked.clear();
  if (wanted()[0] || document.readyState !== 'loading') ask();
}

/** Source trackers need no server: the first whose rule fits how this session began gives its number. */
function chooseSources(touch: Touch): void {
  const serves = createJudge(touch);
  for (const target of config.targets) {
    const tracker = config.sources.find(({ rule, targets }) => targets.includes(target) && serves(rule));
    assign(target, parseSpellings(tracker?.number));
  }
  pooled = new Set(config.pooled.filter((target) => !numbers.has(target)));
}

/** What is looked after again and again while the page is in view. */
function tick(): void {
  const start = performance.now();
  if (isVisible()) {
    if (forgive()) scan();
    sweep();
    fillFields();
    if (isPingDue()) giveSignOfLife();
  }
  later(TICK_MS + TICK_REST * (performance.now() - start), tick);
}

/** Tells of what was just written, asks for what was found, and comes back for what waits. */
function finish(): void {
  const { written, waiting } = settle();
  if (written) emit('swap', { count: written });
  if (wanted()[0]) later(GATHER_MS, ask);
  if (waiting[0]) later(WAITING_MS, () => reviseAll(waiting));
}

function reviseAll(holders: Holder[]): void {
  quietly(() => holders.forEach(reviseAgain));
  finish();
}

function tell(event: NewEvent, isBeacon?: boolean): string | undefined {
  return here && deliver(here.session.id, event, isBeacon);
}

function tellForm(form: CapturedForm): void {
  const id = tell({ type: 'form', ...form, fcid: here ? openFormSession() : null });
  if (id) emit('form', { id, form_name: form.form_name });
}

/** A site's own form takes along who sent it, if it has fields for that. */
function fillFields(): void {
  for (const field of document.querySelectorAll<HTMLInputElement>('input[name^=calltrk_]')) {
    if (!here) return;
    const { id, landing, referrer } = here.session;
    const isForms = config.forms && field.name === 'calltrk_fcid';
    const values = { calltrk_session_id: id, calltrk_landing: landing, calltrk_referrer: referrer };
    field.value = isForms ? openFormSession() : (values[field.name as keyof typeof values] ?? field.value);
  }
}

function wanted(): string[] {
  return [...found]
    .filter((target) => here && pooled.has(target) && !asked.has(target))
    .slice(0, MAX_TARGETS);
}

function askAgain(): void {
  asked.clear();
  ask();
}

/** Asks for every number that is wanted and was not asked for, and tells of the page. */
function ask(targets = wanted()): void {
  const asker = here;
  if (!asker || !(targets[0] || asker.view)) return;
  const page = asker.view;
  asker.view = null;
  for (const target of targets) asked.add(target);
  const request = question({ page, targets }).then((answer) => {
    if (here === asker) adopt(targets, answer as SwapResponse);
  });
  const retry = () => {
    asker.view ??= page;
    later(retryMs, askAgain);
    retryMs *= 2;
    emit('error', { code: 'server' });
  };
  answered = Promise.all([answered, request.catch(retry)]);
}

function question(more: Partial<SwapRequest>): Promise<unknown> {
  return post('/v1/swap', {
    key: config.key,
    session: here?.session.id,
    visit: here?.visit,
    page: null,
    targets: [],
    ...(debug && { debug: config.version }),
    ...(hasPrivacyControl() && { gpc: true }),
    ...(arrived && { arrived }),
    ...more,
  });
}

/** Throws if this is no answer. */
function adopt(targets: string[], answer: SwapResponse): void {
  const { numbers: given, session: id, began } = answer;
  for (const target of targets) assign(target, parseSpellings(given[target]));
  if (here && began && id !== here.session.id)
    Object.assign(here, { session: openSession({ id, ...began }), visit: openVisit(true, began) });
  source = answer.source;
  heldSeconds = Number(answer.held_seconds) || 0;
  pingEvery(answer.ping_seconds);
  hold();
  explain('server', answer);
  scan();
  reveal();
  const { session } = tracker;
  if (told === stringify(session.numbers)) return;
  told = stringify(session.numbers);
  emit('assign', { numbers: session.numbers });
}

function hold(): void {
  if (!here) return;
  heldUntil = Date.now() + heldSeconds * 1000;
  const mine = [...numbers].filter(([target]) => pooled.has(target));
  writeNumbers({ session: here.session.id, until: heldUntil, numbers: mine });
}

function giveSignOfLife(): void {
  if (!here) return;
  touchVisit(here.visit);
  if (Date.now() > heldUntil) askAgain();
  else void send(here.session.id, { type: 'ping' }).then((sent) => sent && hold());
}

/** Shows what a page hid until the swap, whatever became of the swap. */
function reveal(): void {
  for (const element of document.querySelectorAll<HTMLElement>('.phoneswap')) {
    if (getComputedStyle(element).visibility === 'hidden') element.style.visibility = 'visible';
  }
}

function pageHere(): { url: string; title: string } {
  return { url: cut(location.href), title: document.title.slice(0, 1024) };
}

/** `CallTrk` of `calltrk.d.ts`, but for what is said about arguments there. */
export const tracker = {
  swap(nodes?: Iterable<Node>): void {
    rest(false);
    scan(nodes);
  },
  restore(): void {
    rest(true);
    scan();
  },
  /** The tracking numbers for these, asked for where they are not known; never rejects. */
  async numbersFor(given: string[]): Promise<CallTrkNumbers> {
    const targets = given.map(targetOf);
    const missing = targets.filter((target) => pooled.has(target) && !asked.has(target));
    if (missing[0]) ask([...new Set(missing)]);
    await answered;
    return Object.fromEntries(given.map((text, place) => [text, numbers.get(targets[place] ?? '') ?? null]));
  },
  /** Rejects what is no address. */
  async decorate(url: string): Promise<string> {
    const decorated = new URL(url, location.href);
    const answer = here && ((await question({ link: true })) as SwapResponse | undefined);
    if (!answer?.link) return url;
    decorated.searchParams.set(LINK, answer.link);
    return decorated.href;
  },
  get session(): CallTrkSession {
    const shown = [...numbers].map(([target, { e164 }]) => [target, e164]);
    return { id: here?.session.id ?? '', source, numbers: Object.fromEntries(shown) };
  },
};

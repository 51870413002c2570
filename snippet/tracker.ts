/**
 * What the script does on a page, from top to bottom: ask whether it may, open the session and the visit, show the
 * numbers that are known, ask for the others, and stay with the page until it goes.
 */
import type { SwapRequest, SwapResponse } from '../shared/contract/visitor.js';
import { parseSpellings } from '../shared/phone.js';
import { judgeTouch, type Touch } from '../shared/source-match.js';
import { config } from './config.js';
import { hasPrivacyControl, watchConsent } from './consent.js';
import { debug, emit, explain } from './events.js';
import { type CapturedForm, watchForms, watchFormsIn } from './forms.js';
import { fromDocument, later, listen, soon, stringify } from './guard.js';
import { hasMissedSome, observe, prepareObserver, quietly } from './observer.js';
import { isNewPage } from './pages.js';
import { isPingDue, isVisible, pingEvery, watchPresence } from './pings.js';
import { reveal } from './reveal.js';
import { prepareScan, type Root, reviseAgain, reviseSoon, scan, sweep, tasks } from './scanner.js';
import {
  assign,
  found,
  type Holder,
  knownHolders,
  numbers,
  prepareSwap,
  rest,
  targetOf,
  waiting,
  written,
} from './swap.js';
import { watchTaps } from './taps.js';
import { catchUp, deliver, type NewEvent, post, send, type Who } from './transport.js';
import { createUuid } from './uuid.js';
import {
  COOKIES,
  currentTouch,
  cut,
  forgetVisitor,
  formSession,
  isErased,
  keepVisitor,
  openVisitor,
  parameter,
  type Visitor,
} from './visitor.js';

/** Targets that the page brings one after another are asked for together. */
const GATHER_MS = 50;
/** After a request that failed; each time twice as long. */
const RETRY_MS = 2000;
/** How often it is looked whether a framework has come for what waits for it. */
const WAITING_MS = 50;
/** How often it is looked for what no observer tells of, as a shadow root that was attached later. */
const TICK_MS = 500;
/** For so many turns, which is all of most pages. */
const SWEEP_TURNS = 10;
const CATCH_UP_MS = 30_000;
const MAX_TARGETS = 100;
/** The parameter that brings a session from another site. */
const LINK = 'calltrk_link';

/** What waits for a framework is looked at soon. */
let isComing = false;
/** So many of our writings the page was told of. */
let toldOf = 0;
/** Who is here, once something may be stored. */
let here: Visitor | undefined;
/** The view of this page, until the server has it. */
let view: SwapRequest['page'] | undefined;
/** Targets that a session tracker serves for this visitor. */
let pooled: Set<string>;
/** Targets that were asked for, whether or not there is an answer. */
const asked = new Set<string>();
let heldSeconds = 0;
/** When the hold of the numbers ends, unless there is a sign of life. */
let heldUntil = 0;
let source = '';
let retryMs = RETRY_MS;
/** A request that failed waits for its time. */
let isRetrying = false;
/** Fields of the site's own forms that have what is in the cookies. */
const filled = new WeakSet<HTMLInputElement>();
/** The numbers that the page was last told of. */
let emitted = '{}';
/** The token of another site with which the visitor came. */
let arrived: string | null;
/** Settles with every request so far, of which there may be none. */
let answered: Promise<unknown> | undefined;
/** What the page decides of consent goes here. */
let decide: (state: string) => void;

/** Begins, with what the page has said of consent by now. Returns what it says later goes to. */
export function startTracker(said: string | undefined): (state: string) => void {
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
      // Once the parser is through, and once all styles are there, it is another page.
      listen('readystatechange', () => renew(root), root);
      if (config.forms) watchFormsIn(root);
      // Clicks leave a shadow root, and nothing leaves a frame.
      if (defaultView) watchTaps(defaultView, (tap) => tell({ type: 'tap', ...tap }, true));
    },
    (work) => {
      quietly(work);
      finish();
    },
  );
  let isStarted = false;
  decide = watchConsent(said, (granted) => {
    if (granted) begin();
    else end();
    if (isStarted) show();
  });
  isStarted = true;
  // Before anybody has agreed to anything, a number for how this page was reached is all that can be shown.
  if (!here) chooseSources(currentTouch());
  // Each of what a start takes is a task of its own.
  soon(show);

  watchPresence(() => tell({ type: 'leave' }, true));
  listen('visibilitychange', () => isVisible() && isOverdue() && askAgain());
  listen('storage', heed);
  listen('pageshow', (event) => (event as PageTransitionEvent).persisted && askAgain());
  listen('online', () => here && catchUp());
  later(TICK_MS, tick);
  return decide;
}

function renew(root: Root): void {
  observe(root);
  soon(show);
}

/**
 * Another site of the company may have sent the visitor on. Its token is taken out of the address, which is copied and
 * counted.
 */
function takeToken(): void {
  arrived = parameter(LINK);
  if (arrived) history.replaceState(history.state, '', withoutToken(location.href));
}

function withoutToken(href: string): string {
  return href.replace(RegExp(`([?&])${LINK}=[^&#]*&|.${LINK}=[^&#]*`), '$1');
}

/** From here on things may be stored and sent. */
function begin(): void {
  here = openVisitor();
  view = { id: createUuid(), ...pageHere() };
  rest(false);
  asked.clear();
  answered = undefined;
  chooseSources(here);
  // A returning visitor sees the number of last time at once; the answer corrects it.
  for (const target of pooled) assign(target, parseSpellings(here.numbers?.[target]));
  later(0, () => here && keepVisitor(here));
  later(0, fillFields);
  later(0, () => here && catchUp());
  // What is on its way now may have failed by then.
  later(CATCH_UP_MS, () => here && catchUp());
}

/** From here on nothing is, and nothing is left of what was. */
function end(): void {
  if (here) rest(true);
  here = undefined;
  forgetVisitor();
  fillFields();
}

/** In another tab, or on a page after this one, which the browser kept, consent may have been taken back. */
function heed(): void {
  if (isErased()) decide('denied');
}

function show(): void {
  scan();
  later(0, () => sweep(Number.POSITIVE_INFINITY));
  if (wanted()[0] || (document.readyState !== 'loading' && !answered)) ask();
}

/** Source trackers need no server: the first whose rule fits how this session began gives its number. */
function chooseSources(touch: Touch): void {
  const serves = judgeTouch(touch);
  for (const target of config.targets) {
    const tracker = config.sources.find(({ rule, targets }) => targets.includes(target) && serves(rule));
    assign(target, parseSpellings(tracker?.number));
  }
  pooled = new Set(config.pooled.filter((target) => !numbers.has(target)));
}

/** What is looked after again and again while the page is in view. */
function tick(): void {
  heed();
  if (isVisible()) {
    // One of the two: each takes a slice.
    if (!tasks[0] && hasMissedSome()) scan();
    else sweep(SWEEP_TURNS);
    // Lets go of what has left the page.
    knownHolders();
    fillFields();
    if (isNewPage()) {
      // It may be one that keeps its numbers.
      reviseSoon(knownHolders());
      tell({ type: 'page_view', ...pageHere() });
    }
    if (isPingDue()) giveSignOfLife();
  }
  later(TICK_MS, tick);
}

/** Tells of what was just written, asks for what was found, and comes back for what waits. */
function finish(): void {
  if (written > toldOf) emit('swap', { count: written - toldOf });
  toldOf = written;
  if (wanted()[0]) later(GATHER_MS, () => wanted()[0] && ask());
  if (!waiting.size || isComing) return;
  isComing = true;
  later(WAITING_MS, () => {
    const again = [...waiting];
    waiting.clear();
    isComing = false;
    reviseSoon(again);
  });
}

function reviseAll(holders: Holder[]): void {
  quietly(() => reviseAgain(holders));
  finish();
}

function tell(event: NewEvent, isBeacon?: boolean): string | undefined {
  return here && deliver(who(here), event, isBeacon);
}

/** Its id, if it was taken. */
function tellForm(form: CapturedForm): string | undefined {
  const id = here && tell({ type: 'form', ...form, fcid: formSession(here) });
  if (id) emit('form', { id, form_name: form.form_name });
  return id;
}

/** A site's own form takes along who sent it, if it has fields for that; once he is forgotten, no longer. */
function fillFields(): void {
  for (const field of document.querySelectorAll<HTMLInputElement>('input[name^=calltrk_]')) {
    const name = field.name.slice(8) as (typeof COOKIES)[number];
    if (here && config.forms && name === 'fcid') formSession(here);
    const value = (COOKIES.includes(name) && here?.[name]) || '';
    if (field.value === value || !(value || filled.has(field))) continue;
    field.value = value;
    filled.add(field);
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
  heed();
  const asker = here;
  const page = view;
  if (!asker || !(targets[0] || page)) return;
  view = undefined;
  for (const target of targets) asked.add(target);
  const request = question(asker, { page: page ?? null, targets }).then((answer) => {
    if (here === asker) adopt(targets, answer as SwapResponse);
  });
  const retry = () => {
    view ??= page;
    emit('error', { code: 'server' });
    if (isRetrying) return;
    isRetrying = true;
    later(retryMs, () => {
      isRetrying = false;
      askAgain();
    });
    retryMs *= 2;
  };
  const before = answered;
  answered = request.catch(retry).then(() => before);
}

/** Who asks or tells, and how the visit under way began. */
function who({ session_id: session, visit: { landing, referrer } }: Visitor): Required<Who> {
  return { session, visit: { landing, referrer } };
}

function question(asker: Visitor, more: Partial<SwapRequest>): Promise<unknown> {
  return post('/v1/swap', {
    key: config.key,
    ...who(asker),
    page: null,
    targets: [],
    // What is not defined is left out.
    debug: debug ? config.version : undefined,
    gpc: hasPrivacyControl() || undefined,
    arrived: arrived ?? undefined,
    ...more,
  });
}

/** Throws if this is no answer. */
function adopt(targets: string[], answer: SwapResponse): void {
  const { numbers: given, session, began } = answer;
  if (here && began && session !== here.session_id) {
    // The same object: what else was asked of him is answered yet.
    delete here.fcid;
    Object.assign(here, openVisitor({ session_id: session, ...began }));
    chooseSources(here);
  }
  for (const target of targets) assign(target, parseSpellings(given[target]));
  arrived = null;
  retryMs = RETRY_MS;
  source = answer.source;
  heldSeconds = Number(answer.held_seconds) || 0;
  pingEvery(answer.ping_seconds);
  hold();
  explain('server', answer);
  reviseSoon(knownHolders());
  reveal();
  const { session: now } = tracker;
  if (emitted === stringify(now.numbers)) return;
  emitted = stringify(now.numbers);
  emit('assign', now);
}

/** The numbers are his for a while from now on. */
function hold(): void {
  if (!here) return;
  heldUntil = Date.now() + heldSeconds * 1000;
  here.numbers = Object.fromEntries(numbers);
  keepVisitor(here);
}

/** Whether his hold is over. Who never had one is not overdue: the first request is tried again by itself. */
const isOverdue = () => !!here && !!heldUntil && Date.now() > heldUntil;

function giveSignOfLife(): void {
  if (!here) return;
  keepVisitor(here);
  if (isOverdue()) askAgain();
  else void send(who(here), { type: 'ping' }).then((sent) => sent && hold());
}

function pageHere(): { url: string; title: string } {
  return { url: cut(location.href), title: fromDocument('title').slice(0, 1024) };
}

/** `CallTrk` of `calltrk.d.ts`, but for what is said about arguments there. */
export const tracker = {
  swap(nodes?: Iterable<Node>): void {
    rest(false);
    scan(nodes);
  },
  restore(): void {
    rest(true);
    reviseAll(knownHolders());
    // Copies that the page has made of what we wrote.
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
  /** As it was, if it is no page. Rejects what is no address, and where there is no token. */
  async decorate(url: string): Promise<string> {
    const page = new URL(withoutToken(url), location.href);
    const isPage = /^http/.test(page.protocol);
    const { link } = (here && isPage && (await question(here, { link: true }))) as Partial<SwapResponse>;
    // `searchParams` would write the whole query anew, in its own spelling.
    if (link) page.search += `${page.search && '&'}${LINK}=${link}`;
    return link ? page.href : url;
  },
  get session(): CallTrkSession {
    const shown = [...numbers].map(([target, { e164 }]) => [target, e164]);
    return { id: here?.session_id ?? '', source, numbers: Object.fromEntries(shown) };
  },
};

/**
 * What the script does on a page, from top to bottom: ask whether it may, open the session and the visit, show the
 * numbers that are known, ask for the others, and stay with the page until it goes.
 */
import type { SwapRequest, SwapResponse } from '../shared/contract/visitor.js';
import { parseSpellings, type Spellings } from '../shared/phone.js';
import { createJudge, readParameters, type Touch } from '../shared/source-match.js';
import type { Settings } from './config.js';
import { hasPrivacyControl, watchConsent } from './consent.js';
import { createEvents, debug, explain } from './events.js';
import { watchForms } from './forms.js';
import { listen, safely, stringify } from './guard.js';
import { readNumbers, writeNumbers } from './numbers.js';
import { createObserver } from './observer.js';
import { watchReturn, watchRoutes } from './pages.js';
import { DEFAULT_PING_SECONDS, watchPresence } from './pings.js';
import { reveal } from './reveal.js';
import { createScanner } from './scanner.js';
import { forgetSession, openFormSession, openSession, type Session, takeOver } from './session.js';
import { createSwapper, type Holder } from './swap.js';
import { watchTaps } from './taps.js';
import { createTransport } from './transport.js';
import { createUuid } from './uuid.js';
import { currentTouch, cut, openVisit, type Visit } from './visit.js';

/** Targets that the page brings one after another are asked for together. */
const GATHER_MS = 50;
/** What a page hides until the swap is shown after this long at the latest. */
const REVEAL_MS = 900;
/** After a request that failed; each time twice as long. */
const RETRY_MS = 2000;
/** How often it is looked whether a framework has come for what waits for it. */
const WAITING_MS = 50;
/** How often it is looked for shadow roots and frames, which no observer tells of. */
const SWEEP_MS = 1000;
const MAX_TARGETS = 100;
/** The parameter that brings a session from another site. */
const LINK = 'calltrk_link';

export interface Tracker {
  swap(root?: Node): void;
  /** The tracking numbers for these, asked for where they are not known; never rejects. */
  numbersFor(given: string[]): Promise<Record<string, Spellings | null>>;
  captureForm(form: HTMLFormElement): void;
  consent(state: string): void;
  restore(): void;
  decorate(url: string): Promise<string>;
  readonly session: CallTrkSession;
}

/** Who is here, and how: what there is once something may be stored. */
interface Presence {
  session: Session;
  visit: Visit;
  /** The view of this page, until the server has it. */
  view: NonNullable<SwapRequest['page']> | null;
}

export function startTracker({ config, base }: Settings): Tracker {
  const { emit } = createEvents(config.data_layer);
  const swapper = createSwapper(config, () => emit('error', { code: 'lost' }));
  const { numbers, found } = swapper;
  let here: Presence | undefined;
  const transport = createTransport(base, config.key, () => here?.session.id ?? '');

  /** Targets that a session tracker serves for this visitor, and of those what was asked for, whatever came of it. */
  let pooled = new Set<string>();
  const asked = new Set<string>();
  /** What waits for a framework. */
  const waiting = new Set<Holder>();
  let heldUntil = 0;
  let heldSeconds = 0;
  let source = '';
  let retryMs = RETRY_MS;
  let gathering = false;
  let assigned = '';
  /** Settles with every request so far. */
  let answered: Promise<unknown> = Promise.resolve();

  const observer = createObserver(
    (nodes) => nodes.forEach(scan),
    (holders) => {
      holders.forEach(scanner.revise);
      finish();
    },
    () => scan(),
  );
  const scanner = createScanner(
    swapper,
    (root) => {
      observer.observe(root);
      forms?.watch(root);
      // Clicks leave a shadow root, and nothing leaves a frame.
      if (root !== document && root.nodeType === Node.DOCUMENT_NODE) watchTaps(swapper, root, tap);
    },
    (work) => {
      observer.quietly(work);
      finish();
    },
  );
  const forms = config.forms
    ? watchForms((form) => {
        if (!here) return;
        const id = transport.deliver({ type: 'form', ...form, fcid: openFormSession(config.cookie_days) });
        emit('form', { id, form_name: form.form_name });
      }, fillFields)
    : undefined;

  // Before anybody has agreed to anything, a number for how this page was reached is all that can be shown.
  chooseSources(currentTouch());
  let isStarted = false;
  const consent = watchConsent(config, (granted) => {
    if (granted) begin();
    else end();
    if (isStarted) start();
  });
  start();
  listen('DOMContentLoaded', () => {
    // What the page ends with has not been seen yet.
    observer.quietly(() => {});
    if (here?.view) ask(wanted());
  });

  watchTaps(swapper, window, tap);
  const nextSignOfLife = watchPresence(
    giveSignOfLife,
    () => here && transport.deliver({ type: 'leave' }, true),
  );
  listen('visibilitychange', () => {
    if (document.visibilityState === 'visible' && Date.now() > heldUntil) askAgain();
  });
  watchReturn(() => {
    scan();
    askAgain();
  });
  watchRoutes(() => {
    scan();
    if (here) transport.deliver({ type: 'page_view', ...pageHere() });
  });
  listen('load', ({ target }) => target instanceof Element && scan(target));
  listen('online', () => here && transport.catchUp());
  setTimeout(safely(reveal), REVEAL_MS);
  setInterval(safely(sweep), SWEEP_MS);

  /** From here on things may be stored and sent. */
  function begin(): void {
    const session = openSession(config);
    here = { session, visit: openVisit(session.isNew), view: { id: createUuid(), ...pageHere() } };
    swapper.rest(false);
    chooseSources(session);
    // A returning visitor sees the number of last time at once; the answer corrects it.
    const stored = readNumbers(config.key, session.id);
    heldUntil = stored?.until ?? 0;
    for (const [target, number] of stored?.numbers ?? [])
      if (pooled.has(target)) swapper.assign(target, number);
    transport.catchUp();
  }

  /** From here on nothing is, and nothing is left of what was. */
  function end(): void {
    if (!here) return;
    here = undefined;
    forgetSession();
    swapper.rest(true);
  }

  function start(): void {
    isStarted = true;
    scan();
    fillFields();
    asked.clear();
    if (wanted().length || document.readyState !== 'loading') ask(wanted());
  }

  /** Source trackers need no server: the first whose rule fits how this session began gives its number. */
  function chooseSources(touch: Touch): void {
    const serves = createJudge(touch);
    for (const target of config.targets) {
      const tracker = config.sources.find(({ rule, targets }) => targets.includes(target) && serves(rule));
      swapper.assign(target, parseSpellings(tracker?.number));
    }
    pooled = new Set(config.pooled.filter((target) => !numbers.has(target)));
  }

  function scan(node?: Node): void {
    scanner.scan(node);
  }

  function sweep(): void {
    if (document.visibilityState === 'hidden') return;
    scanner.sweep();
    fillFields();
  }

  /** Tells of what was just written, asks for what was found, and comes back for what waits. */
  function finish(): void {
    const done = swapper.settle();
    if (done.written) emit('swap', { count: done.written });
    gather();
    if (!waiting.size && done.waiting.length) {
      setTimeout(
        safely(() => {
          const again = [...waiting];
          waiting.clear();
          observer.quietly(() => again.forEach(scanner.revise));
          finish();
        }),
        WAITING_MS,
      );
    }
    for (const holder of done.waiting) waiting.add(holder);
  }

  function tap(call: { number: string; target: string }): void {
    if (here) transport.deliver({ type: 'tap', ...call }, true);
  }

  /** A site's own form takes along who sent it, if it has fields for that. */
  function fillFields(): void {
    if (!here) return;
    for (const field of document.querySelectorAll<HTMLInputElement>('input[name^=calltrk_]')) {
      const { id, landing, referrer } = here.session;
      const fcid = field.name === 'calltrk_fcid' && config.forms && openFormSession(config.cookie_days);
      const values = { calltrk_session_id: id, calltrk_landing: landing, calltrk_referrer: referrer };
      field.value = fcid || (values[field.name as keyof typeof values] ?? field.value);
    }
  }

  function wanted(): string[] {
    return [...found].filter((target) => pooled.has(target) && !asked.has(target)).slice(0, MAX_TARGETS);
  }

  /** Asks soon for what has turned up since. */
  function gather(): void {
    if (gathering || !wanted().length) return;
    gathering = true;
    setTimeout(
      safely(() => {
        gathering = false;
        if (wanted().length) ask(wanted());
      }),
      GATHER_MS,
    );
  }

  function askAgain(): void {
    asked.clear();
    ask(wanted());
  }

  function ask(targets: string[]): void {
    if (!here) return;
    for (const target of targets) asked.add(target);
    answered = Promise.all([answered, request(targets, here)]);
  }

  async function request(targets: string[], asker: Presence): Promise<void> {
    const page = asker.view;
    asker.view = null;
    const answer = await question({ page, targets });
    if (here !== asker) return;
    try {
      adopt(targets, answer as SwapResponse);
    } catch {
      asker.view ??= page;
      setTimeout(safely(askAgain), retryMs);
      retryMs *= 2;
      emit('error', { code: 'server' });
    }
  }

  function question(more: Partial<SwapRequest>): Promise<unknown> {
    const { landing = '', referrer = '' } = here?.visit ?? {};
    const arrived = readParameters(location.href).get(LINK);
    return transport.swap({
      visit: { landing, referrer },
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
    const { numbers: given, held_seconds, ping_seconds, session, began, debug: reasons } = answer;
    for (const target of targets) swapper.assign(target, parseSpellings(given[target]));
    if (here && began && session !== here.session.id) {
      takeOver(here.session, { id: session, ...began }, config.cookie_days);
      here.visit = openVisit(true, began);
    }
    source = answer.source ?? '';
    heldSeconds = Number(held_seconds) || 0;
    nextSignOfLife(Number(ping_seconds) || DEFAULT_PING_SECONDS);
    hold();
    explain('server', reasons);
    scan();
    reveal();
    const shown = shownNumbers();
    if (assigned === stringify(shown)) return;
    assigned = stringify(shown);
    emit('assign', { numbers: shown });
  }

  function hold(): void {
    if (!here) return;
    heldUntil = Date.now() + heldSeconds * 1000;
    const mine = [...numbers].filter(([target]) => pooled.has(target));
    writeNumbers(config.key, { session: here.session.id, until: heldUntil, numbers: mine });
  }

  function giveSignOfLife(): void {
    if (!here) return;
    here.visit.touch();
    if (Date.now() > heldUntil) askAgain();
    else void transport.send({ type: 'ping' }).then((sent) => sent && hold());
  }

  function shownNumbers(): Record<string, string> {
    return Object.fromEntries([...numbers].map(([target, { e164 }]) => [target, e164]));
  }

  return {
    consent,
    swap(root) {
      swapper.rest(false);
      scan(root);
    },
    restore() {
      swapper.rest(true);
      scan();
    },
    async numbersFor(given) {
      const targets = given.map((text) => swapper.targetOf(text));
      const missing = new Set(targets.filter((target) => target && pooled.has(target) && !asked.has(target)));
      if (missing.size) ask([...missing] as string[]);
      await answered;
      return Object.fromEntries(
        given.map((text, place) => [text, numbers.get(targets[place] ?? '') ?? null]),
      );
    },
    captureForm: (form) => forms?.capture(form),
    async decorate(url) {
      const answer = here && ((await question({ link: true })) as SwapResponse | undefined);
      if (!answer?.link) return url;
      const decorated = new URL(url, location.href);
      decorated.searchParams.set(LINK, answer.link);
      return decorated.href;
    },
    session: {
      get id() {
        return here?.session.id ?? '';
      },
      get source() {
        return source;
      },
      get numbers() {
        return shownNumbers();
      },
    },
  };
}

function pageHere(): { url: string; title: string } {
  return { url: cut(location.href), title: document.title.slice(0, 1024) };
}

/**
 * What the script does on a page, from top to bottom: open the session and the visit, show the numbers that are
 * known, ask for the others, and stay with the page until it goes.
 */
import type { SwapResponse } from '../shared/contract/visitor.js';
import { parseSpellings, type Spellings } from '../shared/phone.js';
import { createJudge } from '../shared/source-match.js';
import type { Settings } from './config.js';
import { watchForms } from './forms.js';
import { listen, safely } from './guard.js';
import { readNumbers, writeNumbers } from './numbers.js';
import { watch } from './observer.js';
import { DEFAULT_PING_SECONDS, watchPresence } from './pings.js';
import { openFormSession, openSession } from './session.js';
import { createSwapper, reveal } from './swap.js';
import { watchTaps } from './taps.js';
import { createTransport } from './transport.js';
import { createUuid } from './uuid.js';
import { cut, openVisit } from './visit.js';

/** Targets that the page brings one after another are asked for together. */
const GATHER_MS = 50;
/** What a page hides until the swap is shown after this long at the latest. */
const REVEAL_MS = 900;
/** After a request that failed; each time twice as long. */
const RETRY_MS = 2000;
const MAX_TARGETS = 100;

export interface Tracker {
  /** Looks again, at all of the page or at one part of it. */
  swap(root?: Node): void;
  /** The tracking numbers for these, asked for where they are not known; never rejects. */
  numbersFor(given: string[]): Promise<Record<string, Spellings | null>>;
  captureForm(form: HTMLFormElement): void;
}

export function startTracker({ config, base }: Settings): Tracker {
  const session = openSession(config);
  const visit = openVisit(session.isNew);
  const transport = createTransport(base, config.key, session.id);
  const swapper = createSwapper(config.targets);
  const { numbers, found } = swapper;

  // Source trackers need no server: the first whose rule fits how this session began gives its number.
  const serves = createJudge(session);
  for (const { rule, targets, number } of config.sources) {
    if (!serves(rule)) continue;
    for (const target of targets) if (!numbers.has(target)) swapper.assign(target, parseSpellings(number));
  }
  const pooled = new Set(config.pooled.filter((target) => !numbers.has(target)));

  // A returning visitor sees the number of last time at once; the answer corrects it.
  const stored = readNumbers(config.key, session.id);
  let heldUntil = stored?.until ?? 0;
  let heldSeconds = 0;
  for (const [target, number] of stored?.numbers ?? [])
    if (pooled.has(target)) swapper.assign(target, number);

  /** Somebody wants to know why the page shows what it does; the words are the server's. */
  const debug = location.href.includes('crdbg') && { debug: config.version };
  /** Targets that were asked for, whatever came of it. */
  const asked = new Set<string>();
  /** The view of this page, until the server has it. */
  let view: { id: string; url: string; title: string } | null = {
    id: createUuid(),
    url: cut(location.href),
    title: document.title.slice(0, 1024),
  };
  let retryMs = RETRY_MS;
  let gathering = false;
  /** Settles with every request so far. */
  let answered: Promise<unknown> = Promise.resolve();

  const { quietly } = watch((node) => {
    swapper.scan(node);
    gather();
  });
  const rescan = (root: Node = document) => quietly(() => swapper.scan(root));

  rescan();
  if (wanted().length || document.readyState !== 'loading') ask(wanted());
  listen('DOMContentLoaded', () => {
    // What the page ends with has not been seen yet.
    quietly(() => {});
    if (view) ask(wanted());
  });

  watchTaps(swapper, transport);
  const captureForm = config.forms
    ? watchForms(transport, () => openFormSession(config.cookie_days))
    : () => {};
  const nextSignOfLife = watchPresence(giveSignOfLife, () => transport.sendNow({ type: 'leave' }));
  listen('visibilitychange', () => {
    if (document.visibilityState === 'visible' && Date.now() > heldUntil) askAgain();
  });
  listen('pageshow', (event) => {
    if (!(event as PageTransitionEvent).persisted) return;
    rescan();
    askAgain();
  });
  setTimeout(safely(reveal), REVEAL_MS);

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
    for (const target of targets) asked.add(target);
    answered = Promise.all([answered, request(targets)]);
  }

  async function request(targets: string[]): Promise<void> {
    const page = view;
    view = null;
    const { landing, referrer } = visit;
    let answer: unknown;
    try {
      answer = await transport.swap({ visit: { landing, referrer }, page, targets, ...debug });
      adopt(targets, answer);
    } catch {
      view ??= page;
      setTimeout(safely(askAgain), retryMs);
      retryMs *= 2;
    }
    if (debug) console.info('calltrk', (answer as SwapResponse | undefined)?.debug, [...found], [...numbers]);
  }

  /** Throws if this is no answer. */
  function adopt(targets: string[], answer: unknown): void {
    const { numbers: given, held_seconds, ping_seconds } = answer as SwapResponse;
    for (const target of targets) swapper.assign(target, parseSpellings(given[target]));
    heldSeconds = Number(held_seconds) || 0;
    nextSignOfLife(Number(ping_seconds) || DEFAULT_PING_SECONDS);
    hold();
    rescan();
    reveal();
  }

  function hold(): void {
    heldUntil = Date.now() + heldSeconds * 1000;
    const mine = [...numbers].filter(([target]) => pooled.has(target));
    writeNumbers(config.key, { session: session.id, until: heldUntil, numbers: mine });
  }

  function giveSignOfLife(): void {
    visit.touch();
    if (Date.now() > heldUntil) askAgain();
    else void transport.send({ type: 'ping' }).then((sent) => sent && hold());
  }

  async function numbersFor(given: string[]): Promise<Record<string, Spellings | null>> {
    const targets = given.map((text) => swapper.targetOf(text));
    const missing = new Set(targets.filter((target) => target && pooled.has(target) && !asked.has(target)));
    if (missing.size) ask([...missing] as string[]);
    await answered;
    return Object.fromEntries(given.map((text, place) => [text, numbers.get(targets[place] ?? '') ?? null]));
  }

  return { swap: rescan, numbersFor, captureForm };
}

/**
 * A crowd of visitors and callers, who go on whatever happens to servers and stores. What was refused is sent again
 * with the same ids, as the script on the page does and as a provider does; everything is booked and remembered.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import twilio from 'twilio';
import { DEMO_NUMBER } from '../../support/demo.js';
import type { RunningServer } from '../../support/server.js';
import { type OpenBook, openBook, type Watch } from './book.js';
import { between, oneOf, random, shuffled, sleep } from './chance.js';
import { type EventKind, type Installation, TWILIO_TOKEN, WAYS } from './installation.js';

/** A refused request is sent again until then; a server that takes longer to come back has failed. */
const PATIENCE_MS = 30_000;
/** A browser, or a provider, does not wait longer for an answer. */
const ANSWER_MS = 8000;
const BROWSER = 'Mozilla/5.0 (X11; Linux x64) AppleWebKit/537.36 Chrome/156.0 Safari/537.36';
const VOICE = '/v1/telephony/twilio/voice';

export interface CrowdOptions {
  /** How many visitors are there at any time. */
  visitors?: number;
  /** How many of those who were shown a number call it at once. */
  callers?: number;
  /** Connections may break, since a server is killed. */
  mayBreak?: boolean;
  /** A page may be told to keep the site's own number. */
  mayLackNumbers?: boolean;
  /** Where requests go; any of the servers by default. */
  address?: () => string;
  /** What signatures cover; by default the server's own address. */
  publicUrl?: string;
  /** What a visitor's clock says. */
  clock?: () => number;
}

export interface Crowd {
  book: OpenBook;
  /** Counts what begins from now on. */
  watch(): Watch;
  /** Nobody new; resolves when all have finished what they began. Rejects when somebody lost his patience. */
  leave(): Promise<void>;
}

interface Scene extends Required<Omit<CrowdOptions, 'publicUrl'>> {
  installation: Installation;
  scenario: string;
  book: OpenBook;
  publicUrl: string | undefined;
  isOver: () => boolean;
}

/** Each scenario has one book, also when it is played several times. */
const books = new Map<string, OpenBook>();
export function bookOf(scenario: string): OpenBook {
  const book = books.get(scenario) ?? openBook();
  books.set(scenario, book);
  return book;
}

/** A scenario that is played once more begins with nothing. */
export function openBookAnew(scenario: string): void {
  books.delete(scenario);
}

export function startCrowd(installation: Installation, scenario: string, options: CrowdOptions = {}): Crowd {
  let isOver = false;
  const scene = sceneOf(installation, scenario, options, () => isOver);
  const visitors = Array.from({ length: options.visitors ?? 24 }, async () => {
    while (!isOver) await visit(scene);
  });
  // Settled: who despairs in the middle of a round is heard at its end.
  const all = Promise.allSettled(visitors);
  return {
    book: scene.book,
    watch: () => scene.book.watch(),
    async leave() {
      isOver = true;
      await all;
      await Promise.all(visitors);
    },
  };
}

function sceneOf(
  installation: Installation,
  scenario: string,
  options: CrowdOptions,
  isOver: () => boolean,
): Scene {
  return {
    installation,
    scenario,
    book: bookOf(scenario),
    visitors: 24,
    callers: 0.05,
    mayBreak: false,
    mayLackNumbers: false,
    address: () => oneOf(installation.servers).url,
    clock: Date.now,
    publicUrl: undefined,
    isOver,
    ...options,
  };
}

// ── Visitors ─────────────────────────────────────────────────────────────────────────────────────────────────

interface Event {
  id: string;
  type: string;
  /** Whether the server should take it. */
  good: boolean;
  body: object;
}

/** One session: pages with their swaps, what the visitor does on them, and perhaps a call. */
async function visit(scene: Scene): Promise<void> {
  const { isOver } = scene;
  const session = randomUUID();
  let landing: string = oneOf(WAYS);
  const mine: Event[] = [];
  const calls: Promise<unknown>[] = [];
  for (let pages = Math.floor(between(1, 12)); pages > 0 && !isOver(); pages--) {
    // A click on another advertisement begins a new visit.
    if (random() < 0.1) landing = `https://bluebird.example/?gclid=${Math.floor(between(1, 1e6))}`;
    const page = { id: randomUUID(), url: `https://bluebird.example/${pages}`, title: `Page ${pages}` };
    const ask = async () => {
      const number = await askForNumber(scene, session, page, landing);
      if (number && random() < scene.callers) calls.push(call(scene, number, session));
    };
    const tell = async () => {
      const events = Array.from({ length: Math.floor(between(1, 5)) }, () => newEvent(scene));
      if (mine.length > 0 && random() < 0.3) events.push(oneOf(mine));
      if (random() < 0.05) events.push(...events);
      mine.push(...events.filter(({ good }) => good));
      await tellEvents(scene, session, events);
    };
    const work = [ask, ...(random() < 0.1 ? [ask] : [])];
    for (let batches = Math.floor(between(0, 3)); batches > 0; batches--) work.push(tell);
    // Often a page asks and tells at once, and a visitor may have two tabs.
    if (random() < 0.4) await Promise.all(work.map((some) => some()));
    else for (const some of work) await some();
    // Long enough, at times, for somebody else to get the number.
    await sleep(random() < 0.05 ? between(1000, 1500) : between(0, 40));
  }
  await Promise.all(calls);
}

/** A page asks which number to show. */
async function askForNumber(
  scene: Scene,
  session: string,
  page: { id: string; url: string; title: string },
  landing: string,
): Promise<string | null> {
  const { installation, mayLackNumbers } = scene;
  const view: Event = { id: page.id, type: 'page_view', good: true, body: {} };
  const from = Date.now();
  const answer = await deliver(scene, {
    path: '/v1/swap',
    body: { session, visit: { landing, referrer: 'direct' }, page, targets: [DEMO_NUMBER] },
    events: [view],
  });
  const number: string | null = answer.numbers[DEMO_NUMBER]?.e164 ?? null;
  if (number) installation.shown.push({ session, number, from, to: Date.now() });
  else if (!mayLackNumbers) installation.surprises.add(`no number: ${JSON.stringify(answer)}`);
  return number;
}

async function tellEvents(scene: Scene, session: string, events: Event[]): Promise<void> {
  const bodies = events.map(({ id, type, body }) => ({ id, type, at: scene.clock(), ...body }));
  await deliver(scene, { path: '/v1/events', body: { session, events: bodies }, events });
}

function newEvent(scene: Scene): Event {
  const id = randomUUID();
  const url = 'https://bluebird.example/contact';
  const good = (type: EventKind, body: object = {}): Event => ({ id, type, good: true, body });
  const bad = (type: string, body: object = {}): Event => ({ id, type, good: false, body });
  return oneOf([
    () => good('page_view', { url, title: 'Contact \u{1F4DE}' }),
    // Of no number in the pool: a tap would take the call of whoever holds it next.
    () => good('tap', { number: '+13055550120', target: DEMO_NUMBER }),
    () => good('form', { url, form_name: 'Contact', fields: { Name: 'Ada', Phone: newPhone() } }),
    () => good('ping'),
    () => good('leave'),
    () => bad('tap', { number: 'not a number' }),
    () => bad('form', { url }),
    () => bad('teleport', { url, at: scene.clock() }),
  ])();
}

const newPhone = () => `+1404555${String(Math.floor(between(0, 10_000))).padStart(4, '0')}`;

const NOTHING = { accepted: 0, repeated: 0, rejected: 0 };

interface Letter {
  path: '/v1/swap' | '/v1/events';
  body: object;
  events: Event[];
}

/** Sends it until it is acknowledged, and books every sending. */
async function deliver(scene: Scene, { path, body, events }: Letter): Promise<any> {
  const { installation, book, scenario } = scene;
  const { acknowledged, surprises, sent, key } = installation;
  for (const { id, good } of events) if (good) sent.add(id);
  for (const end = Date.now() + PATIENCE_MS; ; ) {
    const at = performance.now();
    const answer = await post(scene.address() + path, { key, ...body });
    const booking = { of: 'visitor' as const, at, ms: performance.now() - at };
    if (typeof answer === 'object') {
      const { accepted, repeated, rejected } = path === '/v1/swap' ? ofSwap(installation, events) : answer;
      book.enter({ ...booking, accepted, repeated, rejected: rejected.length, refused: 0 });
      const refusedIds = rejected.map(({ id }: { id: string }) => id).sort();
      const badIds = events.filter(({ good }) => !good).map(({ id }) => id);
      if (`${refusedIds}` !== `${badIds.sort()}`) surprises.add(`rejected: ${JSON.stringify(rejected)}`);
      if (accepted + repeated + rejected.length !== events.length)
        surprises.add(`${events.length} events were answered ${JSON.stringify(answer)}`);
      for (const { id, type, good } of events) {
        if (good && !acknowledged.has(id)) acknowledged.set(id, { scenario, type: type as EventKind });
      }
      return answer;
    }
    const refusal = `${path} ${answer}`;
    book.enter({ ...booking, ...NOTHING, refused: events.length, refusal });
    judgeRefusal(scene, path, answer);
    if (Date.now() > end)
      throw new Error(`${path} was refused for ${PATIENCE_MS} ms (${scenario}): ${answer}`);
    await sleep(between(20, 120));
  }
}

function judgeRefusal({ installation, mayBreak, scenario }: Scene, what: string, answer: string): void {
  if (/^503 \{/.test(answer) || (answer === 'no answer' && mayBreak)) return;
  const why = installation.servers.map((server) =>
    server
      .logged()
      .split('\n')
      .findLast((line) => line.includes('"error"')),
  );
  installation.surprises.add(`${scenario}: ${what} was answered ${answer}: ${why.join(' ')}`);
}

/** A swap does not say whether its page view is new; we know whether one was acknowledged before. */
function ofSwap({ acknowledged }: Installation, [view]: Event[]) {
  const repeated = acknowledged.has(view?.id ?? '') ? 1 : 0;
  return { accepted: 1 - repeated, repeated, rejected: [] };
}

async function post(url: string, body: object): Promise<any> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'text/plain', 'user-agent': BROWSER },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const text = await response.text();
    if (response.ok) return JSON.parse(text);
    if (response.status === 503 && !response.headers.has('retry-after'))
      return `503 without Retry-After ${text}`;
    return `${response.status} ${text}`;
  } catch {
    return 'no answer';
  }
}

// ── Callers ──────────────────────────────────────────────────────────────────────────────────────────────────

const newCaller = () => `+1${Math.floor(between(2_020_000_000, 9_890_000_000))}`;

/**
 * Places a call, as the provider tells of one: it asks what to do, rings the business, and tells how it went. Each
 * report is sent until the server has taken it, some twice, and of those that nobody waits for several at once.
 */
async function call(scene: Scene, number: string, session: string | null): Promise<void> {
  const { installation, scenario } = scene;
  const began = performance.now();
  const callSid = `CA${randomBytes(16).toString('hex')}`;
  const caller = newCaller();
  const answered = random() < 0.6;
  const seconds = answered ? Math.floor(between(5, 300)) : 0;
  const common = {
    CallSid: callSid,
    AccountSid: `AC${'0'.repeat(32)}`,
    From: caller,
    To: number,
    Direction: 'inbound',
    ApiVersion: '2010-04-01',
    FromCity: 'MIAMI',
    FromCountry: 'US',
  };
  const said = new Set<string>();
  const tell = (path: string, parameters: Record<string, string>) =>
    report(scene, said, path, { ...common, ...parameters });

  installation.dialled.add(callSid);
  const document = await tell(VOICE, { CallStatus: 'ringing' });
  installation.calls.set(callSid, {
    scenario,
    callSid,
    caller,
    number,
    session,
    waitedMs: performance.now() - began,
    outcome: { answered, seconds },
  });
  if (!document.includes(`>${DEMO_NUMBER}</Number>`)) {
    installation.surprises.add(`${scenario}: the call was not forwarded: ${document}`);
    return;
  }
  const query = `?number=${encodeURIComponent(number)}`;
  const leg = {
    CallSid: `CA${randomBytes(16).toString('hex')}`,
    ParentCallSid: callSid,
    To: DEMO_NUMBER,
    Direction: 'outbound-dial',
  };
  const legs = [
    { ...leg, CallStatus: 'ringing' },
    answered
      ? { ...leg, CallStatus: 'completed', CallDuration: String(seconds) }
      : { ...leg, CallStatus: 'no-answer' },
  ];
  const dial = answered
    ? { DialCallStatus: 'completed', DialCallDuration: String(seconds) }
    : { DialCallStatus: 'no-answer' };
  const reports: [string, Record<string, string>][] = [
    ...legs.map((one): [string, Record<string, string>] => [`/v1/telephony/twilio/status${query}`, one]),
    [`/v1/telephony/twilio/dial${query}`, { CallStatus: 'in-progress', ...dial }],
    ['/v1/telephony/twilio/status', { CallStatus: 'completed', CallDuration: String(seconds) }],
  ];
  if (random() < 0.2) reports.push(oneOf(reports));
  if (random() < 0.3) await Promise.all(shuffled(reports).map((one) => tell(...one)));
  else for (const one of reports) await tell(...one);
}

/** Sends a report until it is taken, and answers the document. */
async function report(
  scene: Scene,
  said: Set<string>,
  path: string,
  parameters: Record<string, string>,
): Promise<string> {
  const { book, scenario } = scene;
  const name = `${path} ${new URLSearchParams(parameters)}`;
  for (const end = Date.now() + PATIENCE_MS; ; ) {
    const at = performance.now();
    const answer = await webhook(scene, path, parameters);
    const booking = { of: 'call' as const, at, ms: performance.now() - at };
    if (answer.document !== undefined) {
      const isNew = said.has(name) ? 0 : 1;
      said.add(name);
      book.enter({ ...booking, accepted: isNew, repeated: 1 - isNew, rejected: 0, refused: 0 });
      return answer.document;
    }
    const refusal = `${path} ${answer.refusal}`;
    book.enter({ ...booking, ...NOTHING, refused: 1, refusal });
    judgeRefusal(scene, path, answer.refusal);
    if (Date.now() > end) throw new Error(`${path} was refused for ${PATIENCE_MS} ms (${scenario})`);
    await sleep(between(20, 120));
  }
}

async function webhook(
  scene: Scene,
  path: string,
  parameters: Record<string, string>,
): Promise<{ document: string } | { document: undefined; refusal: string }> {
  const address = scene.address();
  const base = scene.publicUrl ?? address.replace('127.0.0.1', 'localhost');
  try {
    const response = await fetch(address + path, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'x-twilio-signature': twilio.getExpectedTwilioSignature(TWILIO_TOKEN, base + path, parameters),
      },
      body: new URLSearchParams(parameters),
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const text = await response.text();
    if (response.ok) return { document: text };
    return { document: undefined, refusal: `${response.status} ${text}` };
  } catch {
    return { document: undefined, refusal: 'no answer' };
  }
}

/**
 * A caller by himself, who is put through or not; what comes after is not told. He is counted, and his call must be in
 * the record, unless there is nowhere to note it.
 */
export async function connectCaller(
  installation: Installation,
  scenario: string,
  number: string,
  { nowhereToNote = false, ...options }: CrowdOptions & { nowhereToNote?: boolean } = {},
): Promise<{ isConnected: boolean; ms: number }> {
  const scene = sceneOf(installation, scenario, options, () => false);
  const callSid = `CA${randomBytes(16).toString('hex')}`;
  const at = performance.now();
  installation.dialled.add(callSid);
  const call = {
    CallSid: callSid,
    From: newCaller(),
    To: number,
    CallStatus: 'ringing',
    Direction: 'inbound',
  };
  const { document } = await webhook(scene, VOICE, call);
  const ms = performance.now() - at;
  const isConnected = document?.includes(`>${DEMO_NUMBER}</Number>`) ?? false;
  if (!nowhereToNote) {
    const outcome = isConnected ? { accepted: 1, refused: 0 } : { accepted: 0, refused: 1 };
    scene.book.enter({ of: 'call', at, ms, ...NOTHING, ...outcome });
    if (isConnected) installation.connected.set(callSid, scenario);
  }
  return { isConnected, ms };
}

/** One report about a call, sent until it is taken, and booked: what a call's reports come to is the test's business. */
export async function tellOfCall(
  installation: Installation,
  scenario: string,
  callback: string,
  parameters: Record<string, string>,
): Promise<string> {
  const scene = sceneOf(installation, scenario, {}, () => false);
  return report(scene, toldReports, `/v1/telephony/twilio/${callback}`, parameters);
}
const toldReports = new Set<string>();

/** One page of one visitor by itself; resolves with the number that he was shown. */
export async function show(
  installation: Installation,
  scenario: string,
  {
    session = randomUUID(),
    landing = 'https://bluebird.example/',
    ...options
  }: CrowdOptions & { session?: string; landing?: string } = {},
): Promise<{ session: string; number: string | null; ms: number }> {
  const scene = sceneOf(installation, scenario, options, () => false);
  const began = performance.now();
  const page = { id: randomUUID(), url: 'https://bluebird.example/one', title: 'One' };
  const number = await askForNumber(scene, session, page, landing);
  return { session, number, ms: performance.now() - began };
}

export function isServerRunning({ child }: RunningServer): boolean {
  return child.exitCode === null && child.signalCode === null;
}

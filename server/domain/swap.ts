import type { SwapRequest, SwapResponse } from '../../shared/contract/visitor.js';
import { readSource } from '../../shared/source.js';
import type { LiveDirectory, Lookup, Origin } from './directory.js';
import { invalid, isInvalid, unavailable } from './errors.js';
import { spell } from './phone-numbers.js';
import { endLostLeases, leaseNumber, PING_SECONDS } from './pool.js';
import type { Pools } from './pools.js';
import type { Change, Company, CurrentVisit, Device, Millis, RecordWriter, Tracker } from './ports.js';
import {
  keepSession,
  type Session,
  type Sessions,
  secondsToWrite,
  seeVisitor,
  VISIT_TIMEOUT_MS,
} from './sessions.js';
import { explainSwap } from './swap-explanation.js';

/** The session that a visitor takes to another site of the same company, and how its visit under way began. */
export interface Link {
  session: string;
  landing: string;
  referrer: string;
}

/** Makes links into text that a page can carry in an address, and tells what nobody else can have made. */
export interface LinkTokens {
  /** At most 4096 characters of base64url, good for two minutes. Null: this link cannot be carried. */
  issue(companyId: string, link: Link, now: Millis): string | null;
  /** The link of a token that was issued for this company within the last two minutes; null for all else. */
  read(companyId: string, token: string, now: Millis): Link | null;
}

/** What the surface knows about a request beside its body. */
export interface SwapContext {
  now: Millis;
  /** A crawler or a page being prerendered: it gets no number and leaves no trace. */
  bot: boolean;
  device: Device | null;
  /** Global Privacy Control, said by the browser's header. */
  gpc: boolean;
  /** What the visitor's address may still take: a new lease uses up one. */
  leaseBudget: { left: () => boolean; take: () => void };
}

export interface SwapParts {
  directory: LiveDirectory;
  sessions: Sessions;
  pools: Pools;
  writer: RecordWriter;
  links: LinkTokens;
  /** A UUID that follows from its parts: the same ones make the same id, on every server. */
  deriveId: (...parts: string[]) => string;
  count: (what: 'lease_opened' | 'lease_shared' | 'lease_denied') => void;
}

/** A company's script is noted as seen this often, not with every page view. */
const SCRIPT_SEEN_MS = 60_000;

/** Held this long when no pool was asked: what a page is told about a source tracker's number. */
const DEFAULT_HOLD_SECONDS = 1200;

/**
 * Answers which numbers the page should show, and keeps the visit, its leases and its page view. Idempotent: the
 * same session gets the same numbers, and a page view counts once. Whoever comes from another site of the company with
 * a good token goes on with the session and visit that he had there; any other token is as none. Throws a Refusal when
 * the key is unknown or when nothing could be kept.
 */
export function createSwap(parts: SwapParts) {
  const { directory, sessions, writer, links, deriveId } = parts;
  const scriptSeen = new Map<string, number>();

  function noteScript(companyId: string, now: number): Change[] {
    if (now - (scriptSeen.get(companyId) ?? 0) < SCRIPT_SEEN_MS) return [];
    scriptSeen.set(companyId, now);
    return [{ type: 'script_seen', at: now }];
  }

  return async function swap(request: SwapRequest, context: SwapContext): Promise<SwapResponse> {
    const lookup = directory.current();
    const company = companyOf(lookup, request.key);
    const config = lookup.scriptConfig(company).version;
    const explain = (visit: CurrentVisit | null, numbers: SwapResponse['numbers']) => {
      const { debug: pageVersion } = request;
      if (pageVersion === undefined) return {};
      // Asked afterwards: what this very request took is its own.
      const mayOpen = context.leaseBudget.left();
      return { debug: explainSwap({ lookup, company, pageVersion, visit, numbers, mayOpen }) };
    };
    if (context.bot || !company.active) {
      return { ...nothing(request, config), ...explain(null, {}) };
    }

    const { companyId } = company;
    const { device, now } = context;
    const arrived = links.read(companyId, request.arrived ?? '', now);
    const sessionId = arrived?.session ?? request.session.toLowerCase();
    const key = { companyId, sessionId };
    const session = await sessions.open(key, now, (arrived ?? request.visit).landing);
    const gpc = context.gpc || request.gpc === true;
    const origin = arrived ? visitOf(session, arrived, now) : request.visit;
    const { landing, referrer } = origin;
    const page = request.page?.id ?? null;
    const seen = seeVisitor(session, { landing, referrer, device, page, gpc, now }, deriveId);
    const chosen = await chooseNumbers(parts, lookup, company, request, context, session, seen);

    const changes = [...noteScript(companyId, now), ...seen.changes];
    const kept: Promise<unknown>[] = [];
    if (session.unkept.length + changes.length > 0) kept.push(keepSession(writer, session, changes));
    if (request.page) {
      const { id, url, title } = request.page;
      const view: Change = {
        type: 'page_view',
        eventId: id,
        sessionId,
        visitId: seen.visit.visitId,
        url,
        title: title ?? null,
        at: now,
        activeSeconds: secondsToWrite(seen.visit),
        clientAt: null,
      };
      kept.push(writer.write({ companyId, eventId: id, changes: [view] }));
    }
    try {
      await Promise.all(kept);
    } catch (error) {
      if (isInvalid(error)) sessions.forget(key);
      throw error;
    }
    const began = { landing: seen.visit.landing, referrer: seen.visit.referrer };
    const link = request.link ? links.issue(companyId, { session: sessionId, ...began }, now) : null;
    return {
      session: sessionId,
      visit: seen.visit.visitId,
      source: seen.visit.source,
      config,
      held_seconds: chosen.holdSeconds,
      ping_seconds: PING_SECONDS,
      numbers: chosen.numbers,
      ...(link !== null && { link }),
      ...(arrived && { began }),
      ...explain(seen.visit, chosen.numbers),
    };
  };
}

/** The company of a script key; refuses a key that nobody has, and every key as long as none was read. */
export function companyOf(lookup: Lookup, key: string): Company {
  const company = lookup.companyByKey(key);
  if (lookup.version === '0') throw unavailable('The directory');
  if (!company) throw invalid('key', 'is not the script key of a company here');
  return company;
}

/** How the visit under way began that a link is about: it may have been followed by another one since. */
function visitOf({ visit }: Session, link: Link, now: Millis): Origin {
  return visit && now - visit.lastSeen <= VISIT_TIMEOUT_MS ? visit : link;
}

async function chooseNumbers(
  { pools, deriveId, count }: SwapParts,
  lookup: Lookup,
  company: Company,
  request: SwapRequest,
  context: SwapContext,
  session: Session,
  { visit, lastSign }: { visit: CurrentVisit; lastSign: Millis },
): Promise<{ numbers: SwapResponse['numbers']; holdSeconds: number }> {
  const numbers: SwapResponse['numbers'] = {};
  const leased = new Map<Tracker, SwapResponse['numbers'][string]>();
  let holdSeconds = DEFAULT_HOLD_SECONDS;
  const { now, leaseBudget } = context;
  const patience = pools.patience();
  for (const target of request.targets) {
    // The first touch decides between source trackers for the life of the session, as it does in the page.
    const tracker = lookup.trackerFor(company.companyId, target, visit.first);
    numbers[target] = null;
    if (tracker?.type === 'source') {
      numbers[target] = { ...spell(tracker.numbers[0] ?? target), shared: false };
    } else if (tracker) {
      if (!leased.has(tracker)) {
        const visitor = { session, visit, lastSign, now, mayOpen: leaseBudget.left(), patience };
        const lease = await leaseNumber(pools, tracker, visitor, deriveId);
        if (!lease) count('lease_denied');
        else if (lease.opened) {
          leaseBudget.take();
          count(lease.shared ? 'lease_shared' : 'lease_opened');
        }
        leased.set(tracker, lease && { ...spell(lease.number), shared: lease.shared });
        holdSeconds = Math.min(holdSeconds, tracker.holdSeconds);
      }
      numbers[target] = leased.get(tracker) ?? null;
    }
  }
  endLostLeases(lookup, { session, visit, lastSign, now }, leased);
  return { numbers, holdSeconds };
}

function nothing(request: SwapRequest, config: string): SwapResponse {
  const { landing, referrer } = request.visit;
  return {
    session: request.session.toLowerCase(),
    visit: '',
    source: readSource(landing, referrer).source,
    config,
    held_seconds: DEFAULT_HOLD_SECONDS,
    ping_seconds: PING_SECONDS,
    numbers: Object.fromEntries(request.targets.map((target) => [target, null])),
  };
}

import type { EventsResponse, VisitorEvent } from '../../shared/contract/visitor.js';
import type { LiveDirectory, Origin } from './directory.js';
import { isInvalid, unavailable } from './errors.js';
import { attributeForm, fieldsAsText, readCustomer } from './forms.js';
import type { Pools } from './pools.js';
import type {
  Change,
  CurrentVisit,
  Device,
  Millis,
  RecordEntry,
  RecordOutcome,
  RecordWriter,
} from './ports.js';
import {
  keepSession,
  type Session,
  type Sessions,
  secondsToWrite,
  seeLeave,
  seeVisitor,
  VISIT_TIMEOUT_MS,
} from './sessions.js';
import { companyOf } from './swap.js';

export interface EventsParts {
  directory: LiveDirectory;
  sessions: Sessions;
  pools: Pools;
  writer: RecordWriter;
  deriveId: (...parts: string[]) => string;
  newFormId: () => string;
  newPersonId: () => string;
}

/** A batch whose events were already checked one by one against their schemas. */
export interface EventBatch {
  key: string;
  session: string;
  /** How the page's visit began. */
  visit?: Origin | undefined;
  events: VisitorEvent[];
  /** What the checks refused; carried through to the answer. */
  rejected: EventsResponse['rejected'];
  now: Millis;
  bot: boolean;
  device: Device | null;
  /** Global Privacy Control. */
  gpc: boolean;
}

/** A client's clock is believed as a claim within a day; further off it says nothing. */
const CLAIM_MS = 86_400_000;

/**
 * Keeps a batch of events of one session. Each is accepted, repeated or rejected for itself. Throws a Refusal when
 * the key is unknown, or `unavailable` when the events could not be kept: then the page sends them again.
 */
export function createVisitorEvents(parts: EventsParts) {
  const { directory, sessions, writer } = parts;

  return async function receive(batch: EventBatch): Promise<EventsResponse> {
    const lookup = directory.current();
    const company = companyOf(lookup, batch.key);
    const rejected = [...batch.rejected];
    const refuse = (event: VisitorEvent, error: string) => rejected.push({ id: event.id, error });
    if (batch.bot || !company.active) {
      const why = batch.bot ? 'events of crawlers are not kept' : 'the company is disabled';
      for (const event of batch.events) refuse(event, why);
      return { accepted: 0, repeated: 0, rejected };
    }

    const { companyId } = company;
    const sessionId = batch.session.toLowerCase();
    const key = { companyId, sessionId };
    const session = await sessions.open(key, batch.now);
    if (session.visit === null && !session.wasRead && !batch.events.every((event) => 'url' in event)) {
      // Such an event says nothing of its visit, and nobody can be asked: the page sends it again.
      throw unavailable('The record');
    }
    const events: VisitorEvent[] = [];
    // The visit is seen to be alive whether or not the event is a repeat; so that is an entry of its own.
    const alive: Change[] = [];
    const entries: RecordEntry[] = [];
    for (const event of batch.events) {
      if (event.type === 'form' && !company.captureForms) {
        refuse(event, 'type form is not captured: external_form_capture is off for this company');
        continue;
      }
      events.push(event);
      entries.push({ companyId, eventId: event.id, changes: changesOf(parts, session, event, batch, alive) });
    }
    // Not for a leave that was no sign of life: the record and the lease store know of one end of each hold.
    if (session.visit && session.visit.lastSeen >= batch.now) await renewLeases(parts, session, batch.now);

    // Settled together: of two that fail in different commits neither is left without a listener.
    const [[seen], outcomes] = await Promise.all([
      Promise.allSettled([keepSession(writer, session, alive)]),
      Promise.allSettled(entries.map((entry) => writer.write(entry))),
    ]);
    if (seen.status === 'rejected') {
      if (isInvalid(seen.reason)) sessions.forget(key);
      throw seen.reason;
    }
    const counts: Record<RecordOutcome, number> = { accepted: 0, repeated: 0 };
    for (const [at, outcome] of outcomes.entries()) {
      if (outcome.status === 'fulfilled') {
        counts[outcome.value]++;
      } else {
        if (!isInvalid(outcome.reason)) throw outcome.reason;
        refuse(events[at] as VisitorEvent, outcome.reason.message);
      }
    }
    return { ...counts, rejected };
  };
}

/** The event's own row; what it tells about the visit is added to `alive`. */
function changesOf(
  parts: EventsParts,
  session: Session,
  event: VisitorEvent,
  { device, gpc, now, visit: begun }: EventBatch,
  alive: Change[],
): Change[] {
  if (event.type === 'leave') {
    alive.push(...seeLeave(session, now));
    return [];
  }
  const { sessionId } = session.key;
  const { visit, changes } = seeVisitor(
    session,
    {
      ...placeOf(session, event, begun, now),
      device,
      page: event.type === 'page_view' ? event.id : null,
      gpc,
      now,
    },
    parts.deriveId,
  );
  alive.push(...changes);
  const common = {
    eventId: event.id,
    sessionId,
    visitId: visit.visitId,
    at: now,
    clientAt: event.at !== undefined && Math.abs(event.at - now) <= CLAIM_MS ? event.at : null,
  };
  switch (event.type) {
    case 'ping':
      return [];
    case 'page_view':
      return [
        {
          type: 'page_view',
          ...common,
          url: event.url,
          title: event.title ?? null,
          activeSeconds: secondsToWrite(visit),
        },
      ];
    case 'tap':
      return [{ type: 'tap', ...common, number: event.number, target: event.target ?? null }];
    case 'form':
      return [formOf(parts, event, visit, common)];
  }
}

/**
 * An event goes on with the visit it finds. Where there is none, which is rare, since the page asks for numbers first, the
 * page says how it began. Otherwise, and where it fell asleep, the page of the event is taken for the landing page of a
 * new one.
 */
function placeOf({ visit }: Session, event: VisitorEvent, begun: Origin | undefined, now: Millis): Origin {
  if (visit === null && begun) return begun;
  const asleep = visit === null || now - visit.lastSeen > VISIT_TIMEOUT_MS;
  if (asleep && 'url' in event) return { landing: event.url, referrer: 'direct' };
  return { landing: visit?.landing ?? '', referrer: visit?.referrer ?? 'direct' };
}

function formOf(
  { newFormId, newPersonId }: EventsParts,
  event: Extract<VisitorEvent, { type: 'form' }>,
  visit: CurrentVisit,
  common: Pick<Extract<Change, { type: 'form' }>, 'eventId' | 'sessionId' | 'visitId' | 'at' | 'clientAt'>,
): Change {
  const fields = fieldsAsText(event.fields);
  const customer = readCustomer(fields);
  return {
    type: 'form',
    ...common,
    formSubmissionId: newFormId(),
    newPersonId: newPersonId(),
    fcid: event.fcid ?? null,
    url: event.url,
    formName: event.form_name ?? null,
    fields,
    customerName: customer.name,
    customerEmail: customer.email,
    customerPhone: customer.phone,
    attribution: attributeForm(common.sessionId, visit),
  };
}

/** A sign of life keeps the numbers that this visit was given. */
async function renewLeases({ directory, pools }: EventsParts, session: Session, now: Millis): Promise<void> {
  const { companyId, sessionId } = session.key;
  const patience = pools.patience();
  const renewed = (session.visit?.leases ?? []).map(({ trackerId }) => {
    const tracker = directory.current().tracker(companyId, trackerId);
    if (!tracker) return undefined;
    const pool = { companyId, trackerId };
    return pools.renew({ pool, sessionId, now, holdMs: tracker.holdSeconds * 1000 }, patience);
  });
  await Promise.all(renewed);
}

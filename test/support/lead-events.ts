/** Lead events as the rules hand them to the record: each helper fills in what a test does not care about. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { CallReport, Change, RecordEntry } from '../../server/domain/ports.js';
import { NOBODY } from './seed.js';

const id = (prefix: string) => prefix + randomBytes(16).toString('hex');
type Form = Extract<Change, { type: 'form' }>;

export function formEntry(
  companyId: string,
  more: Partial<Pick<Form, 'sessionId' | 'visitId' | 'customerPhone' | 'customerEmail' | 'at'>> = {},
): RecordEntry {
  const form: Form = {
    type: 'form',
    eventId: randomUUID(),
    formSubmissionId: id('FOR'),
    newPersonId: id('PER'),
    sessionId: randomUUID(),
    visitId: randomUUID(),
    fcid: null,
    url: 'https://shop.example/contact',
    formName: null,
    fields: {},
    customerName: null,
    customerEmail: null,
    customerPhone: null,
    attribution: NOBODY,
    at: Date.now(),
    clientAt: null,
    ...more,
  };
  const { eventId, sessionId, visitId } = form;
  const attribution = { ...NOBODY, session: sessionId, visit: visitId, source: 'direct', confidence: 1 };
  return { companyId, eventId, changes: [{ ...form, attribution }] };
}

export function ringingReport(
  companyId: string,
  more: { caller?: string | null; at?: number; number?: string; sid?: string; key?: string } = {},
): CallReport {
  const { caller = '+14045550199', at = Date.now(), number = '+13055550110', sid = id('CA') } = more;
  return {
    companyId,
    trackerId: null,
    event: {
      kind: 'ringing',
      key: more.key ?? `ringing ${sid}`,
      at,
      provider: 'twilio',
      providerCallId: sid,
      trackingNumber: number,
      caller: { number: caller, raw: caller ?? 'anonymous' },
      place: null,
      callerName: null,
      status: 'ringing',
      seconds: null,
      destinationNumber: null,
      recordingUrl: null,
    },
  };
}

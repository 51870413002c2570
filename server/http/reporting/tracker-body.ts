/**
 * The rules of a request that makes or changes a tracker: what its members mean together, and what calltrk cannot do.
 * What depends on other trackers (whose a number is, circles through them) is the record's to say.
 */
import type { NewTrackerBody, TrackerChangesBody } from '../../../shared/contract/reporting-bodies.js';
import { networkOfRule } from '../../../shared/source-rules.js';
import { invalid } from '../../domain/errors.js';
import { parsePhoneNumber } from '../../domain/phone-numbers.js';
import type { PhoneNumber } from '../../domain/ports.js';
import { type NewTracker, numbersField, type TrackerReport } from '../../domain/reports.js';
import { readPoolSettings } from './pool-body.js';
import { readTextTargets } from './text-targets-body.js';

/** So many were measured; the lease stores know no limit. */
const MAX_POOL = 5000;

/** Throws `invalid` with the field to blame. */
export function readNewTracker(body: NewTrackerBody, companyId: string): NewTracker {
  const { type } = body;
  const name = requireName(body.name);
  const callFlow = readCallFlow(body.call_flow);
  const destinationNumber = callFlow.destination_number;
  const trackingNumbers = readNumbers(type, body) ?? missingNumbers(type);
  const tracker: NewTracker = {
    companyId,
    name,
    type,
    destinationNumber,
    trackingNumbers,
    swapTargets: readTargets(body.swap_targets ?? [], destinationNumber),
    textTargets: readTextTargets(body.advanced_swap_targets ?? {}),
    source: readSource(type, body.source),
    callFlow,
    campaignName: readCampaign(type, body.campaign_name),
    whisperMessage: body.whisper_message || null,
    smsEnabled: isOn(body.sms_enabled ?? true),
    pool: readPoolSettings(type, body.pool, trackingNumbers),
  };
  refuseOwnNumbers(tracker, body);
  return tracker;
}

/**
 * The tracker as it is to be: what the request leaves out, or says to be null, stays as it is; null clears what can be
 * empty. A whole tracker as it was read, with some members changed, is understood. Throws `invalid` with the field to
 * blame.
 */
export function readTrackerChanges(body: TrackerChangesBody, tracker: TrackerReport): NewTracker {
  const { type } = tracker;
  refuseFixed(body, tracker);
  const callFlow = body.call_flow ? readCallFlow(body.call_flow) : null;
  const destinationNumber = callFlow?.destination_number ?? tracker.destinationNumber;
  const trackingNumbers = readNumbers(type, body) ?? tracker.trackingNumbers;
  if (!tracker.active && trackingNumbers.join() !== tracker.trackingNumbers.join()) {
    throw invalid(numbersField(type), 'cannot change any more: the tracker is disabled');
  }
  const changed: NewTracker = {
    companyId: tracker.companyId,
    name: body.name == null ? tracker.name : requireName(body.name),
    type,
    destinationNumber,
    trackingNumbers,
    swapTargets: body.swap_targets ? readTargets(body.swap_targets, destinationNumber) : tracker.swapTargets,
    textTargets: body.advanced_swap_targets
      ? readTextTargets(body.advanced_swap_targets)
      : tracker.textTargets,
    source: body.source == null ? tracker.source : readSource(type, body.source),
    callFlow: callFlow ?? tracker.callFlow,
    campaignName:
      body.campaign_name === undefined ? tracker.campaignName : readCampaign(type, body.campaign_name),
    whisperMessage:
      body.whisper_message === undefined ? tracker.whisperMessage : body.whisper_message || null,
    smsEnabled: body.sms_enabled == null ? tracker.smsEnabled : isOn(body.sms_enabled),
    pool: readPoolSettings(type, body.pool, trackingNumbers, tracker.pool),
  };
  refuseOwnNumbers(changed, body);
  return changed;
}

/** What a tracker is for its life may be sent again, as a client does that sends back all it has read. */
function refuseFixed(body: TrackerChangesBody, tracker: TrackerReport): void {
  if (body.type != null && body.type !== tracker.type) {
    throw invalid('type', `is ${tracker.type} for the life of a tracker: make another tracker`);
  }
  const shownCompany = (body.company ?? {}) as { id?: unknown };
  for (const [field, company] of [
    ['company_id', body.company_id],
    ['company', typeof shownCompany === 'object' ? shownCompany.id : shownCompany],
  ] as const) {
    if (company == null || company === tracker.companyId) continue;
    throw invalid(field, 'is the same for the life of a tracker: make one in the other company');
  }
  const status = tracker.active ? 'active' : 'disabled';
  if (body.status != null && body.status !== status) {
    const way = tracker.active ? 'DELETE disables it' : 'make another tracker with its numbers';
    throw invalid('status', `is ${status} and is not changed here: ${way}`);
  }
  if (body.destination_number == null) return;
  const shown = [tracker.destinationNumber, body.call_flow?.destination_number].map((number) =>
    parsePhoneNumber(number ?? ''),
  );
  if (!shown.includes(parsePhoneNumber(body.destination_number) ?? '')) {
    throw invalid('destination_number', 'is not set here, but as call_flow.destination_number');
  }
}

/** A number leads to somebody who answers, and is no target: it would be replaced by itself, or by its neighbour. */
function refuseOwnNumbers(tracker: NewTracker, body: NewTrackerBody | TrackerChangesBody): void {
  const { type, destinationNumber, trackingNumbers, swapTargets } = tracker;
  if (trackingNumbers.includes(destinationNumber)) {
    if (body.call_flow) {
      throw invalid(
        'call_flow.destination_number',
        'is one of the tracking numbers: calls would go in a circle',
      );
    }
    throw invalid(
      numbersField(type),
      `has ${destinationNumber}, the destination of this tracker: calls would go in a circle`,
    );
  }
  const own = swapTargets.find((target) => trackingNumbers.includes(target));
  if (own === undefined) return;
  const at = body.swap_targets?.findIndex((written) => parsePhoneNumber(written) === own) ?? -1;
  if (at >= 0) throw invalid(`swap_targets.${at}`, `is ${own}, a tracking number of this tracker`);
  throw invalid(numbersField(type), `has ${own}, one of the swap_targets of this tracker`);
}

function requireName(name: string): string {
  if (name.trim() === '') throw invalid('name', 'is empty');
  return name.trim();
}

function readCampaign(type: NewTracker['type'], name: string | null | undefined): string | null {
  return type === 'source' ? name || null : null;
}

/** No target means the number that people find on the site: the destination. */
function readTargets(written: readonly string[], destinationNumber: PhoneNumber): PhoneNumber[] {
  const targets = written.map((target, i) => requirePhone(`swap_targets.${i}`, target));
  return targets.length > 0 ? [...new Set(targets)] : [destinationNumber];
}

type NumbersBody = Pick<
  TrackerChangesBody,
  'tracking_numbers' | 'tracking_number' | 'pool_numbers' | 'replace_tracking_number'
>;

/** The numbers that the request names; undefined: none. */
function readNumbers(type: NewTracker['type'], body: NumbersBody): PhoneNumber[] | undefined {
  refuseBuying('pool_numbers', type, body.pool_numbers);
  refuseBuying('tracking_number', type, body.tracking_number);
  refuseBuying('replace_tracking_number', type, body.replace_tracking_number);
  return type === 'session' ? readPool(body) : readNumber(body);
}

function readPool({ tracking_number, tracking_numbers }: NumbersBody): PhoneNumber[] | undefined {
  if (tracking_number != null) {
    throw invalid('tracking_number', 'is for source trackers: a pool is given whole, by tracking_numbers');
  }
  if (tracking_numbers == null) return undefined;
  if (tracking_numbers.length === 0) throw invalid('tracking_numbers', `is empty: ${OWN_NUMBERS}`);
  if (tracking_numbers.length > MAX_POOL) {
    throw invalid('tracking_numbers', `has more than ${MAX_POOL} numbers`);
  }
  const numbers = tracking_numbers.map((number, i) => requirePhone(`tracking_numbers.${i}`, number));
  const seen = new Set<PhoneNumber>();
  for (const [i, number] of numbers.entries()) {
    if (seen.size === seen.add(number).size) throw invalid(`tracking_numbers.${i}`, `repeats ${number}`);
  }
  return numbers;
}

function readNumber({ tracking_number, tracking_numbers }: NumbersBody): PhoneNumber[] | undefined {
  if (tracking_number != null) {
    if (typeof tracking_number !== 'string') throw invalid('tracking_number', `is not text: ${OWN_NUMBER}`);
    return [requirePhone('tracking_number', tracking_number)];
  }
  // One number, however many the plural could hold.
  if (tracking_numbers == null) return undefined;
  if (tracking_numbers.length !== 1) {
    throw invalid('tracking_numbers', `has ${tracking_numbers.length} numbers: a source tracker has one`);
  }
  return [requirePhone('tracking_numbers.0', tracking_numbers[0] ?? '')];
}

const OWN_NUMBERS = 'give numbers of your own, as ["+13055550120", "+13055550121"]';
const OWN_NUMBER = 'give a number of your own, as "+13055550120"';

function missingNumbers(type: NewTracker['type']): never {
  throw invalid(numbersField(type), `is missing: ${type === 'session' ? OWN_NUMBERS : OWN_NUMBER}`);
}

/** An object of wishes (area code, toll free …), or a number to be replaced, asks a provider to sell one. */
function refuseBuying(field: string, type: NewTracker['type'], value: unknown): void {
  if (value == null || (field !== 'replace_tracking_number' && typeof value !== 'object')) return;
  const own = type === 'session' ? 'tracking_numbers' : 'tracking_number as text';
  throw invalid(
    field,
    `asks to buy numbers, which needs a provider that sells them; give your own by ${own}`,
  );
}

function requirePhone(field: string, written: string): PhoneNumber {
  const number = parsePhoneNumber(written);
  if (number === undefined) throw invalid(field, 'is not a phone number');
  return number;
}

function readCallFlow(flow: NewTrackerBody['call_flow']) {
  if (flow.type !== 'basic') {
    throw invalid('call_flow.type', 'is not "basic", the one kind of call flow there is here');
  }
  if (flow.destination_number === undefined) throw invalid('call_flow.destination_number', 'is missing');
  const recording = flow.greeting_recording_url || null;
  if (recording !== null && !/^https?:\/\/\S+$/i.test(recording)) {
    throw invalid('call_flow.greeting_recording_url', 'is not an http(s) URL');
  }
  return {
    type: 'basic',
    recording_enabled: isOn(flow.recording_enabled ?? false),
    destination_number: requirePhone('call_flow.destination_number', flow.destination_number),
    greeting_text: flow.greeting_text || null,
    greeting_recording_url: recording,
  };
}

function readSource(type: NewTracker['type'], given: NewTrackerBody['source']): Record<string, unknown> {
  return type === 'session' ? readSessionSource(given) : readSourceRule(given);
}

/** What a rule needs beside its type. */
const SOURCE_RULES: Record<string, readonly string[]> = {
  all: [],
  direct: [],
  offline: [],
  google_ad_extension: [],
  mobile_ad_extension: [],
  google_my_business: [],
  landing_url: ['landing'],
  landing_params: ['landing'],
  web_referrer: ['referrer'],
  search: ['search_engine', 'search_type'],
};

const SEARCH: Record<string, readonly string[]> = {
  search_engine: ['google', 'yahoo', 'bing', 'all'],
  search_type: ['paid', 'organic', 'all'],
};

/** Which visits a source tracker's number is for. */
function readSourceRule(given: NewTrackerBody['source']): Record<string, unknown> {
  const source: Record<string, unknown> = given === 'all' ? { type: 'all' } : given;
  const type = String(source.type);
  const needed = Object.hasOwn(SOURCE_RULES, type) ? SOURCE_RULES[type] : networkOfRule(type) && [];
  if (!needed)
    throw invalid(
      'source.type',
      `is none of ${Object.keys(SOURCE_RULES).join(', ')}, and no network like facebook_paid`,
    );
  const rule: Record<string, unknown> = { type };
  for (const name of needed) {
    const field = `source.${name}`;
    const words = SEARCH[name];
    rule[name] = requireText(field, source[name]);
    if (words && !words.includes(String(rule[name]))) throw invalid(field, `is none of ${words.join(', ')}`);
  }
  return rule;
}

/** Which visits a pool is for: all, or those that one of the named rules fits. */
function readSessionSource(given: NewTrackerBody['source']): Record<string, unknown> {
  if (given === 'all') return { type: 'all' };
  const source: Record<string, unknown> = {};
  if (given.type != null) {
    if (given.type !== 'all' && given.type !== 'direct')
      throw invalid('source.type', 'is none of all, direct');
    source.type = given.type;
  }
  for (const engine of ['google', 'bing', 'yahoo']) {
    if (given[engine] == null) continue;
    const kinds = requireTexts(`source.${engine}`, given[engine]);
    const wrong = kinds.find((kind) => !['paid', 'organic', 'local'].includes(kind));
    if (wrong !== undefined)
      throw invalid(`source.${engine}`, 'has something else than paid, organic and local');
    source[engine] = kinds;
  }
  for (const name of ['landing', 'referrer']) {
    if (given[name] != null) source[name] = requireTexts(`source.${name}`, given[name]);
  }
  if (Object.keys(source).length === 0) throw invalid('source', 'names no visits: "all" means every one');
  if (given.inverted != null && !/^(true|false)$/.test(String(given.inverted))) {
    throw invalid('source.inverted', 'is neither true nor false');
  }
  if (String(given.inverted) === 'true') source.inverted = true;
  return source;
}

function requireText(field: string, value: unknown): string {
  if (typeof value !== 'string' || value.trim() === '') throw invalid(field, 'is missing');
  if (value.length > 2048) throw invalid(field, 'is longer than 2048 characters');
  return value.trim();
}

function requireTexts(field: string, value: unknown): string[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > 100) {
    throw invalid(field, 'is not a list of 1 to 100 texts');
  }
  return value.map((text, i) => requireText(`${field}.${i}`, text));
}

function isOn(flag: boolean | 'true' | 'false'): boolean {
  return flag === true || flag === 'true';
}

/** The rules of a request for a new tracker: what its members mean together, and what calltrk cannot do. */
import type { NewTrackerBody } from '../../../shared/contract/reporting.js';
import { invalid } from '../../domain/errors.js';
import { parsePhoneNumber } from '../../domain/phone-numbers.js';
import type { PhoneNumber } from '../../domain/ports.js';
import type { NewTracker } from '../../domain/reports.js';

const MAX_POOL = 1000;

/** Throws `invalid` with the field to blame. */
export function readNewTracker(body: NewTrackerBody, companyId: string): NewTracker {
  if (body.name.trim() === '') throw invalid('name', 'is empty');
  const callFlow = readCallFlow(body.call_flow);
  const destinationNumber = callFlow.destination_number;
  const trackingNumbers = body.type === 'session' ? readPool(body) : readNumber(body);
  if (trackingNumbers.includes(destinationNumber)) {
    throw invalid(
      'call_flow.destination_number',
      'is one of the tracking numbers: calls would go in a circle',
    );
  }
  const targets = body.swap_targets?.map((target, i) => requirePhone(`swap_targets.${i}`, target)) ?? [];
  return {
    companyId,
    name: body.name.trim(),
    type: body.type,
    destinationNumber,
    trackingNumbers,
    swapTargets: targets.length > 0 ? [...new Set(targets)] : [destinationNumber],
    source: body.type === 'session' ? readSessionSource(body.source) : readSourceRule(body.source),
    callFlow,
    campaignName: body.type === 'source' ? body.campaign_name || null : null,
    whisperMessage: body.whisper_message || null,
    smsEnabled: isOn(body.sms_enabled ?? true),
  };
}

function readPool(body: NewTrackerBody): PhoneNumber[] {
  refuseBuying('pool_numbers', body.pool_numbers);
  const written = body.tracking_numbers ?? [];
  if (written.length === 0) throw invalid('tracking_numbers', `is missing: ${OWN_NUMBERS}`);
  if (written.length > MAX_POOL) throw invalid('tracking_numbers', `has more than ${MAX_POOL} numbers`);
  const numbers = written.map((number, i) => requirePhone(`tracking_numbers.${i}`, number));
  const repeated = numbers.findIndex((number, i) => numbers.indexOf(number) < i);
  if (repeated >= 0) throw invalid(`tracking_numbers.${repeated}`, `repeats ${numbers[repeated]}`);
  return numbers;
}

function readNumber({ tracking_number, tracking_numbers }: NewTrackerBody): PhoneNumber[] {
  refuseBuying('tracking_number', tracking_number);
  // One number, however many the plural could hold.
  if (tracking_number == null && tracking_numbers?.length === 1) {
    return [requirePhone('tracking_numbers.0', tracking_numbers[0] ?? '')];
  }
  if (typeof tracking_number !== 'string') {
    throw invalid('tracking_number', 'is missing: give a number of your own, as "+13055550120"');
  }
  return [requirePhone('tracking_number', tracking_number)];
}

const OWN_NUMBERS = 'give numbers of your own, as ["+13055550120", "+13055550121"]';

/** An object of wishes (area code, toll free …) asks a provider to sell a number. */
function refuseBuying(field: string, value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  const own = field === 'pool_numbers' ? 'tracking_numbers' : 'tracking_number as text';
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
  const needed = Object.hasOwn(SOURCE_RULES, type) ? SOURCE_RULES[type] : undefined;
  if (!needed) throw invalid('source.type', `is none of ${Object.keys(SOURCE_RULES).join(', ')}`);
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
    const wrong = kinds.find((kind) => kind !== 'paid' && kind !== 'organic');
    if (wrong !== undefined) throw invalid(`source.${engine}`, 'has something else than paid and organic');
    source[engine] = kinds;
  }
  for (const name of ['landing', 'referrer']) {
    if (given[name] != null) source[name] = requireTexts(`source.${name}`, given[name]);
  }
  if (Object.keys(source).length === 0) throw invalid('source', 'names no visits: "all" means every one');
  if (given.inverted === true) source.inverted = true;
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

/**
 * F11, F12. A provider tells of calls many times, at once and in any order: each is one call, with the same end,
 * whatever came first, and every report gets its answer.
 */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startRedis, type TestRedis } from '../support/redis.js';
import { ROUNDS, shuffled } from './harness/chance.js';
import { bookOf, show, tellOfCall } from './harness/crowd.js';
import { type OnPostgres, onPostgres } from './harness/installation.js';
import { reckon } from './harness/reckoning.js';

const CALLS = ROUNDS > 10 ? 60 : 10;
const COPIES = 50;

type Parameters = Record<string, string>;
type Report = [callback: string, parameters: Parameters];

/** Somebody picks up, and they talk. */
function talk(call: Parameters, leg: Parameters, query: string): Report[] {
  return [
    ['voice', { ...call, CallStatus: 'ringing' }],
    [`status${query}`, { ...leg, CallStatus: 'initiated' }],
    [`status${query}`, { ...leg, CallStatus: 'ringing' }],
    [`status${query}`, { ...leg, CallStatus: 'in-progress' }],
    [`status${query}`, { ...leg, CallStatus: 'completed', CallDuration: '31' }],
    [
      `dial${query}`,
      { ...call, CallStatus: 'in-progress', DialCallStatus: 'completed', DialCallDuration: '31' },
    ],
    ['status', { ...call, CallStatus: 'completed', CallDuration: '40' }],
  ];
}
const TALKED = {
  state: 'answered',
  answered: true,
  voicemail: false,
  duration: 31,
  recording_url: null,
  recording_duration: null,
};

/** Nobody does, and the caller leaves a message. */
function message(call: Parameters, leg: Parameters, query: string): Report[] {
  const recording = { RecordingSid: 'RE1', RecordingUrl: 'https://api.example/RE1', RecordingDuration: '12' };
  return [
    ['voice', { ...call, CallStatus: 'ringing' }],
    [`status${query}`, { ...leg, CallStatus: 'ringing' }],
    [`status${query}`, { ...leg, CallStatus: 'no-answer' }],
    [`dial${query}`, { ...call, CallStatus: 'in-progress', DialCallStatus: 'no-answer' }],
    [`recording${query}`, { ...call, CallStatus: 'in-progress', ...recording }],
    [`recording${query}`, { ...call, ...recording, RecordingStatus: 'completed' }],
    ['status', { ...call, CallStatus: 'completed', CallDuration: '52' }],
  ];
}
const LEFT_A_MESSAGE = {
  state: 'voicemail',
  answered: false,
  voicemail: true,
  duration: 52,
  recording_url: 'https://api.example/RE1',
  recording_duration: 12,
};

let redis: TestRedis;
let place: OnPostgres;
beforeAll(async () => {
  redis = await startRedis();
  place = await onPostgres({ servers: 2, env: { REDIS_URL: redis.url } });
});
afterAll(async () => {
  await place?.remove();
  await redis?.close();
});

it(`F11 F12 ${COPIES} reports at once, repeated and in any order, to two servers, are one call`, async () => {
  const scenario = 'F11 F12 callbacks at once, in any order';
  const told: string[] = [];
  for (let at = 0; at < CALLS; at++) {
    const { number } = await show(place, scenario);
    const callSid = `CA${randomBytes(16).toString('hex')}`;
    told.push(callSid);
    place.dialled.add(callSid);
    const call = {
      CallSid: callSid,
      From: `+1212555${1000 + at}`,
      To: number ?? '',
      Direction: 'inbound',
      FromCity: 'MIAMI',
    };
    const query = `?number=${encodeURIComponent(number ?? '')}`;
    const leg = {
      ...call,
      CallSid: `CA${randomBytes(16).toString('hex')}`,
      ParentCallSid: callSid,
      Direction: 'outbound-dial',
    };
    const reports = at % 2 === 0 ? talk(call, leg, query) : message(call, leg, query);
    const all = Array.from(
      { length: COPIES },
      (_, copy) => reports[copy % reports.length] as (typeof reports)[0],
    );
    // Half come one by one in some order first, so that every order is played, not only every race.
    if (at % 4 < 2) for (const one of shuffled(reports)) await tellOfCall(place, scenario, ...one);
    await Promise.all(shuffled(all).map((one) => tellOfCall(place, scenario, ...one)));
  }
  expect(bookOf(scenario).refused).toBe(0);

  const rows = await place.query(
    `SELECT provider_call_id, state, answered, voicemail, duration, recording_url, recording_duration, caller_city,
            destination_number, ended_at IS NOT NULL AS ended, session_id IS NOT NULL AS joined
     FROM calls ORDER BY 1`,
  );
  expect(rows.map((row) => row.provider_call_id)).toEqual(told.toSorted());
  const byCall = new Map(rows.map(({ provider_call_id, ...row }) => [provider_call_id, row]));
  for (const [at, callSid] of told.entries()) {
    expect(byCall.get(callSid)).toEqual({
      ...(at % 2 === 0 ? TALKED : LEFT_A_MESSAGE),
      caller_city: 'MIAMI',
      destination_number: '+13055550100',
      ended: true,
      joined: true,
    });
  }
  const kept = await place.query('SELECT provider_call_id FROM call_events GROUP BY 1 HAVING count(*) <> 7');
  expect(kept).toEqual([]);
  await reckon(place, [scenario]);
});

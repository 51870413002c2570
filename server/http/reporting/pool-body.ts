/** The rules of a tracker's `pool`: how a session tracker leases its numbers and joins their calls. */
import type { PoolBody } from '../../../shared/contract/reporting-bodies.js';
import { invalid } from '../../domain/errors.js';
import { parsePhoneNumber } from '../../domain/phone-numbers.js';
import type { PhoneNumber } from '../../domain/ports.js';
import type { NewTracker, PoolSettings } from '../../domain/reports.js';

/** Of a tracker whose `pool` was never set. */
const STANDARD: PoolSettings = {
  holdSeconds: 1200,
  laneKey: 'campaign',
  whenFull: 'share',
  staticNumber: null,
  visitThreshold: 0.5,
  sourceThreshold: 0.5,
};

/**
 * The settings as they are to be: those named by the request, and `before` (null: a new tracker's) in the rest.
 * `numbers` are the tracker's as they are to be. Throws `invalid` with the field to blame.
 */
export function readPoolSettings(
  type: NewTracker['type'],
  body: PoolBody | null | undefined,
  numbers: readonly PhoneNumber[],
  before: PoolSettings | null = STANDARD,
): PoolSettings | null {
  if (type === 'source' || before === null) {
    if (body != null) throw invalid('pool', 'is for session trackers: a source tracker has one number');
    return null;
  }
  const given = body ?? {};
  const pool: PoolSettings = {
    holdSeconds: given.hold_seconds ?? before.holdSeconds,
    laneKey: given.lane_key ?? before.laneKey,
    whenFull: given.when_full ?? before.whenFull,
    staticNumber: readStaticNumber(given.static_number, before.staticNumber),
    visitThreshold: given.visit_threshold ?? before.visitThreshold,
    sourceThreshold: given.source_threshold ?? before.sourceThreshold,
  };
  refuseStaticNumber(pool, numbers, given);
  return pool;
}

function readStaticNumber(
  written: string | null | undefined,
  before: PhoneNumber | null,
): PhoneNumber | null {
  if (written === undefined) return before;
  if (written === null) return null;
  const number = parsePhoneNumber(written);
  if (number === undefined) throw invalid('pool.static_number', 'is not a phone number');
  return number;
}

function refuseStaticNumber(
  { whenFull, staticNumber }: PoolSettings,
  numbers: readonly PhoneNumber[],
  given: PoolBody,
): void {
  if (staticNumber !== null && !numbers.includes(staticNumber)) {
    if (given.static_number != null) {
      throw invalid('pool.static_number', 'is none of the tracking_numbers of this tracker');
    }
    throw invalid('tracking_numbers', `is without ${staticNumber}, which is the pool's static_number`);
  }
  if (whenFull !== 'static') return;
  if (staticNumber === null) throw invalid('pool.static_number', 'is missing: when_full is static');
  if (numbers.length === 1) {
    throw invalid('pool.static_number', 'is the only number: none is left to be leased');
  }
}

import { TALK_LIMIT_SECONDS } from '../domain/calls.js';
import type { CallEvent, CallReport, Housekeeping, SilentCall } from '../domain/ports.js';
import type { Job } from './runner.js';

const MINUTE_MS = 60_000;
/** How much later than the end of the longest call its report may come. */
const LATE_SECONDS = 600;

/**
 * Closes calls whose end the provider never told, and marks them as such. A report that comes later all the same has
 * the last word.
 */
export function closeSilentCalls(
  record: Pick<Housekeeping, 'closeSilentCalls'>,
  keep: (report: CallReport) => Promise<unknown>,
): Job {
  return {
    name: 'close silent calls',
    everyMs: 10 * MINUTE_MS,
    run: () =>
      record.closeSilentCalls(TALK_LIMIT_SECONDS + LATE_SECONDS, async (call) => {
        await keep({ companyId: call.companyId, trackerId: call.trackerId, event: unreportedEnd(call) });
      }),
  };
}

/** What a provider should have told, without a length: that is not known. */
function unreportedEnd({ provider, providerCallId, trackingNumber, lastReportAt }: SilentCall): CallEvent {
  return {
    kind: 'unreported_end',
    key: `unreported_end ${providerCallId}`,
    at: lastReportAt,
    provider,
    providerCallId,
    trackingNumber,
    caller: { number: null, raw: null },
    place: null,
    callerName: null,
    status: null,
    seconds: null,
    destinationNumber: null,
    recordingUrl: null,
  };
}

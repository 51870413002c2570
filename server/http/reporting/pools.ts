import { PoolReportSchema } from '../../../shared/contract/pool-report.js';
import { notFound } from '../../domain/errors.js';
import { type PoolReport, REPORT_HOURS, reportPool } from '../../domain/pool-report.js';
import { formatUtc } from '../../domain/report-dates.js';
import { type PoolSettings, readCount } from '../../domain/reports.js';
import { type Frame, resource } from './frame.js';

const HOURS = { standard: 24, least: 1, most: REPORT_HOURS };

/** How a pool fares, an extension to CallRail's API. */
export function pools(frame: Frame): void {
  const { reports } = frame;
  resource(frame, 'trackers', '/v3/a/:account/trackers/:tracker/pool', {
    GET: {
      summary: 'Show how a pool fares',
      description:
        'What came to the numbers of a session tracker, how full they were, how many it should have, and what more ' +
        'would be good for. Counted by the hour, each minute.',
      query: { hours: `How many of the last ${HOURS.most} are shown; ${HOURS.standard} if left out.` },
      answer: PoolReportSchema,
      async run(ask) {
        const hours = readCount('hours', ask.query.one('hours'), HOURS);
        const now = frame.now();
        const traffic = await reports.poolTraffic(ask.user.accountId, ask.id('tracker'), now);
        if (!traffic) throw notFound('pool', ask.id('tracker'));
        return writePool(reportPool(traffic, now, hours));
      },
    },
  });
}

/** A pool's settings, as they are set and answered. */
export function writePoolSettings(settings: PoolSettings): Record<string, unknown> {
  return {
    hold_seconds: settings.holdSeconds,
    lane_key: settings.laneKey,
    when_full: settings.whenFull,
    static_number: settings.staticNumber,
    visit_threshold: settings.visitThreshold,
    source_threshold: settings.sourceThreshold,
  };
}

function writePool(report: PoolReport): Record<string, unknown> {
  const { offeredLoad, blocking } = report;
  return {
    tracker_id: report.trackerId,
    tracker_name: report.trackerName,
    company_id: report.companyId,
    at: formatUtc(report.at),
    settings: writePoolSettings(report.settings),
    numbers: report.numbers,
    lanes: report.lanes.map(({ visitsPerHour, erlangB, load, ...lane }) => ({
      ...lane,
      visits_per_hour: round(visitsPerHour),
      load: round(load),
      erlang_b: round(erlangB),
    })),
    arrivals: report.arrivals.map(({ source, campaign, perHour }) => ({
      source,
      campaign,
      visits_per_hour: round(perHour),
    })),
    offered_load: {
      erlangs: round(offeredLoad.erlangs),
      hour: offeredLoad.hour && formatUtc(offeredLoad.hour),
      leases: offeredLoad.leases,
      mean_lease_seconds: round(offeredLoad.meanLeaseSeconds),
    },
    blocking: {
      leases: blocking.leases,
      shared: blocking.shared,
      reissued: blocking.reissued,
      diverted: blocking.diverted,
      measured: blocking.measured === null ? null : round(blocking.measured),
      erlang_b: blocking.erlangB === null ? null : round(blocking.erlangB),
      erlang_b_peak: round(blocking.erlangBPeak),
      erlang_b_lanes: round(blocking.erlangBLanes),
    },
    recommended: report.recommended,
    hours: report.hours.map((one) => ({
      hour: formatUtc(one.hour),
      numbers: one.numbers,
      held: round(one.heldSeconds / Math.max(1, one.seconds)),
      peak_held: one.peakHeld,
      utilisation: round(one.utilisation),
      visits: one.visits,
      leases: one.leases,
      shared: one.shared,
      reissued: one.reissued,
      diverted: one.diverted,
    })),
    expected: report.expected.map(({ numbers, blocking, visit, source, campaign }) => ({
      numbers,
      blocking: round(blocking),
      visit: round(visit),
      source: round(source),
      campaign: round(campaign),
    })),
  };
}

/** Four figures behind the point: what is counted is not known better. */
function round(value: number): number {
  return Math.round(value * 1e4) / 1e4;
}

import { TrackerSchema } from '../../../shared/contract/reporting.js';
import { NewTrackerSchema, TrackerChangesSchema } from '../../../shared/contract/reporting-bodies.js';
import { invalid, notFound } from '../../domain/errors.js';
import { formatUtc } from '../../domain/report-dates.js';
import { type FieldTable, selectFields, type TrackerReport } from '../../domain/reports.js';
import {
  type Ask,
  answerOne,
  answerPage,
  endpoint,
  FIELDS_PARAMETER,
  type Frame,
  PAGE_PARAMETERS,
  pageSchema,
  resource,
  SORT_PARAMETERS,
} from './frame.js';
import { writePoolSettings } from './pools.js';
import { fieldsToAnswer, given, readSorting } from './query.js';
import { readNewTracker, readTrackerChanges } from './tracker-body.js';

const FIELDS: FieldTable<TrackerReport> = {
  standard: {
    id: (tracker) => tracker.trackerId,
    name: (tracker) => tracker.name,
    type: (tracker) => tracker.type,
    status: (tracker) => (tracker.active ? 'active' : 'disabled'),
    destination_number: (tracker) => tracker.destinationNumber,
    tracking_numbers: (tracker) => tracker.trackingNumbers,
    whisper_message: (tracker) => tracker.whisperMessage,
    sms_enabled: (tracker) => tracker.smsEnabled,
    sms_supported: () => false,
    company: (tracker) => ({ id: tracker.companyId, name: tracker.companyName }),
    call_flow: (tracker) => tracker.callFlow,
    source: (tracker) => tracker.source,
    created_at: (tracker) => formatUtc(tracker.createdAt),
    disabled_at: (tracker) => tracker.disabledAt && formatUtc(tracker.disabledAt),
  },
  optional: {
    campaign_name: (tracker) => tracker.campaignName,
    swap_targets: (tracker) => tracker.swapTargets,
    advanced_swap_targets: (tracker) => tracker.textTargets,
    call_alerts: () => [],
    sms_alerts: () => [],
    pool: ({ pool }) => pool && writePoolSettings(pool),
  },
};

/** Fields of calltrk's own: no client of CallRail's sends them, or is surprised by them. */
const OWN = ['advanced_swap_targets', 'pool'];

const WRITTEN: FieldTable<TrackerReport> = {
  ...FIELDS,
  standard: { ...FIELDS.standard, message_flow: () => null },
};

export function trackers(frame: Frame): void {
  const { reports } = frame;
  const unknown = (ask: Ask) => () => notFound('tracker', ask.id('tracker'));

  resource(frame, 'trackers', '/v3/a/:account/trackers', {
    GET: {
      summary: 'List trackers',
      query: {
        ...PAGE_PARAMETERS,
        ...SORT_PARAMETERS,
        ...FIELDS_PARAMETER,
        company_id: 'Only those of this company.',
        type: 'session or source',
        status: 'active or disabled',
        search: 'Part of the name.',
      },
      answer: pageSchema('trackers', TrackerSchema),
      run: (ask) =>
        answerPage(ask, {
          name: 'trackers',
          table: FIELDS,
          view: ask.view(),
          find: (slice) =>
            reports.trackers(ask.user.accountId, {
              filter: given({
                companyId: ask.query.one('company_id'),
                type: ask.query.word('type', ['session', 'source']),
                status: ask.query.word('status', ['active', 'disabled']),
                search: ask.query.one('search'),
              }),
              ...readSorting(ask.query, ['name']),
              slice,
              count: true,
            }),
        }),
    },
    POST: endpoint({
      summary: 'Create a tracker with numbers of your own',
      description:
        'A session tracker takes tracking_numbers, a source tracker tracking_number. Numbers have one active ' +
        'tracker in the installation, and none is a destination.',
      query: FIELDS_PARAMETER,
      body: NewTrackerSchema,
      answer: TrackerSchema,
      status: 201,
      async run(ask) {
        const { write } = selectFields(WRITTEN, fieldsToAnswer(ask.query, ask.body, OWN));
        const company = await reports.company(ask.user.accountId, ask.body.company_id);
        if (!company) throw invalid('company_id', 'is no company of this account');
        const tracker = await reports.createTracker(
          ask.user.accountId,
          readNewTracker(ask.body, company.companyId),
        );
        await frame.directoryChanged();
        return write(tracker, ask.view());
      },
    }),
  });

  resource(frame, 'trackers', '/v3/a/:account/trackers/:tracker', {
    GET: {
      summary: 'Show a tracker',
      query: FIELDS_PARAMETER,
      answer: TrackerSchema,
      run: (ask) =>
        answerOne(
          ask,
          FIELDS,
          ask.view(),
          () => reports.tracker(ask.user.accountId, ask.id('tracker')),
          unknown(ask),
        ),
    },
    PUT: endpoint({
      summary: 'Change a tracker',
      description:
        'What is left out, or null, stays as it is; null clears campaign_name and whisper_message. tracking_numbers ' +
        'replaces the whole pool, tracking_number the number of a source tracker; a number that goes is shown no ' +
        'more and rings through until another tracker has it. Type and company are fixed.',
      query: FIELDS_PARAMETER,
      body: TrackerChangesSchema,
      answer: TrackerSchema,
      async run(ask) {
        const { write } = selectFields(WRITTEN, fieldsToAnswer(ask.query, ask.body, OWN));
        const tracker = await reports.updateTracker(ask.user.accountId, ask.id('tracker'), (current) =>
          readTrackerChanges(ask.body, current),
        );
        if (!tracker) throw unknown(ask)();
        await frame.directoryChanged();
        return write(tracker, ask.view());
      },
    }),
    DELETE: {
      summary: 'Disable a tracker',
      description:
        'Its numbers are shown no more, ring through until another tracker has them, and what it recorded stays.',
      async run(ask) {
        if (!(await reports.disableTracker(ask.user.accountId, ask.id('tracker')))) throw unknown(ask)();
        await frame.directoryChanged();
      },
    },
  });
}

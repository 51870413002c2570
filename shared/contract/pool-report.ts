/** How a pool fares, as the server tells a marketer's program: an extension to CallRail's API. */
import { type TProperties, type TSchema, Type } from 'typebox';

const thing = <P extends TProperties>(properties: P, title?: string) =>
  Type.Object(properties, { additionalProperties: false, ...(title === undefined ? {} : { title }) });
const orNull = <T extends TSchema>(schema: T, description?: string) =>
  Type.Union([schema, Type.Null()], description === undefined ? {} : { description });
const whole = (description?: string) => Type.Integer(description === undefined ? {} : { description });
const share = (description: string) => Type.Number({ minimum: 0, maximum: 1, description });
const time = (description: string) =>
  Type.String({ format: 'date-time', description: `${description}, UTC` });

/** How a session tracker's numbers are leased, as it is set and answered. */
export const PoolSettingsSchema = thing(
  {
    hold_seconds: whole('A number stays with its visitor so long after his last sign of life.'),
    lane_key: Type.String({ description: 'What the numbers are divided by: campaign, source or none' }),
    when_full: Type.String({ description: 'What is shown when every number is held: share, static or keep' }),
    static_number: orNull(Type.String(), 'E.164'),
    visit_threshold: share('A call is joined to a visit from this confidence on.'),
    source_threshold: share('… and to a source only from this one on.'),
  },
  'PoolSettings',
);

const OUTCOMES = {
  leases: whole('Begun. Each visit has one of each number that it sees.'),
  shared: whole('Of them held by two at any time.'),
  reissued: whole('Of them begun on a number that somebody else still held, as all were held.'),
  diverted: whole('Of them on the static number, as all others were held.'),
};

export const PoolReportSchema = thing(
  {
    tracker_id: Type.String(),
    tracker_name: Type.String(),
    company_id: Type.String(),
    at: time('When this was so'),
    settings: PoolSettingsSchema,
    numbers: thing({
      total: whole(),
      leasable: whole('Without the static number.'),
      held: whole('By somebody now.'),
    }),
    lanes: Type.Array(
      thing({
        lane: Type.String(),
        source: orNull(Type.String(), 'Null: every source that has no lane of its own.'),
        campaigns: orNull(
          Type.Array(orNull(Type.String())),
          'Null: every campaign of the source that no other lane names.',
        ),
        numbers: Type.Array(Type.String()),
        visits_per_hour: Type.Number(),
        load: Type.Number({ description: 'Erlangs, in the peak hour.' }),
        erlang_b: share('Of its visitors find all its numbers held then, by Erlang B.'),
      }),
    ),
    arrivals: Type.Array(
      thing({
        source: Type.String({ description: '*: small sources together.' }),
        campaign: orNull(Type.String()),
        visits_per_hour: Type.Number({
          description: 'Of each day half as much counts as of the day after it.',
        }),
      }),
    ),
    offered_load: thing({
      erlangs: Type.Number({ description: 'Leases of the peak hour times their mean length in hours.' }),
      hour: orNull(
        Type.String({ format: 'date-time' }),
        'The busiest of the last 7 days; null: nothing came.',
      ),
      leases: whole('Begun in it.'),
      mean_lease_seconds: Type.Number({ description: 'The visit and the hold after it.' }),
    }),
    blocking: thing({
      ...OUTCOMES,
      measured: orNull(
        Type.Number(),
        'Of the leases of the last 7 days so many (0 to 1) found every number held; null: not known, as there are ' +
          'none, or as when_full is keep.',
      ),
      erlang_b: orNull(
        Type.Number(),
        'What Erlang B says of these hours, each with its own load and not divided into lanes.',
      ),
      erlang_b_peak: share('In the peak hour, with these numbers.'),
      erlang_b_lanes: share('The same, divided into these lanes.'),
    }),
    recommended: Type.Array(
      thing({
        blocking: share('Of the visitors of the peak hour find every number held'),
        numbers: whole('with so many numbers, and fewer with more.'),
      }),
    ),
    hours: Type.Array(
      thing({
        hour: time('Its beginning'),
        numbers: whole('Of the pool at that time.'),
        held: Type.Number({ description: 'On average.' }),
        peak_held: whole('At once at most.'),
        utilisation: share('Held of the numbers there were.'),
        visits: whole(),
        ...OUTCOMES,
      }),
    ),
    expected: Type.Array(
      thing({
        numbers: whole(),
        blocking: share('Erlang B in the peak hour.'),
        visit: share('Of first calls are joined to the right visit, by estimate.'),
        source: share('… to the right source.'),
        campaign: share('… to the right campaign.'),
      }),
      { description: 'An estimate from visits and lanes, for half, once, twice and four times the numbers.' },
    ),
  },
  'PoolReport',
);

/** Why a call is joined as it is, as the server tells a marketer's program: an extension to CallRail's API. */
import { type TProperties, type TSchema, Type } from 'typebox';
import { AttributionSchema } from './reporting.js';

const thing = <P extends TProperties>(properties: P, more: { title?: string; description?: string } = {}) =>
  Type.Object(properties, { additionalProperties: false, ...more });
const orNull = <T extends TSchema>(schema: T, description?: string) =>
  Type.Union([schema, Type.Null()], description === undefined ? {} : { description });
const weight = (description: string) => Type.Number({ minimum: 0, maximum: 1, description });

export const JoinExplanationSchema = thing(
  {
    attribution: AttributionSchema,
    standing: Type.String({
      description:
        'What the kept attribution is: live (what the evidence says now), earlier (what it said when the call was ' +
        'joined; more is known since, or the model has learned) or corrected (what a user said).',
    }),
    live: thing(
      {
        session: orNull(Type.String()),
        visit: orNull(Type.String()),
        source: orNull(Type.String(), 'Slug'),
        confidence: weight('That it was this visit.'),
        source_confidence: weight('That it was this source.'),
        method: Type.String(),
      },
      { description: 'What the evidence says now. So do all members below.' },
    ),
    candidates: Type.Array(
      thing({
        session: Type.String(),
        visit: Type.String(),
        source: Type.String({ description: 'Slug' }),
        source_name: Type.String(),
        campaign: orNull(Type.String()),
        weight: weight('That it was he: the sum of what is in because, but never over 0.995.'),
        because: thing({
          tap: weight('He tapped the number just before.'),
          known_caller: weight('This person was joined to his session before.'),
          on_the_page: weight('He had the number and was on the page.'),
          after_the_visit: weight('He had the number and left; some call later.'),
        }),
        pages: orNull(Type.Integer(), 'Of the visit; null, as all of these: he did not have the number.'),
        active_seconds: orNull(Type.Integer()),
        device: orNull(Type.String(), 'mobile or desktop; null also where it is not known.'),
        last_seen: orNull(Type.String({ format: 'date-time', description: 'His last sign of life.' })),
      }),
      { description: 'The 20 heaviest.' },
    ),
    other_candidates: weight('The candidates after these together.'),
    older_visitors: weight('Those before the 100 newest leases of the number, by estimate.'),
    stranger: weight('Somebody who never had the number.'),
    sources: Type.Array(thing({ source: Type.String(), weight: weight('That it was this source.') })),
    thresholds: thing({
      visit: weight('A visit is named from this weight on,'),
      source: weight('else a source from this one on.'),
    }),
    model: Type.String({
      description: 'How visitors call: learned from calls of this company, or prior, which all begin with.',
    }),
  },
  {
    title: 'JoinExplanation',
    description:
      'Weights are probabilities. What is in because, the other candidates, the older visitors and the stranger sum to 1.',
  },
);

/** How many calls and forms there were, as the API answers it. */
import { type TProperties, Type } from 'typebox';

const answer = <P extends TProperties>(title: string, properties: P) =>
  Type.Object(properties, { title, additionalProperties: false });

const Metric = Type.Optional(Type.Integer());
const CallMetrics = {
  total_calls: Metric,
  missed_calls: Metric,
  answered_calls: Metric,
  first_time_callers: Metric,
  average_duration: Type.Optional(Type.Integer({ description: 'Seconds.' })),
  formatted_average_duration: Type.Optional(Type.String({ description: '2m 59s' })),
  leads: Type.Optional(Type.Integer({ description: 'Those that a user called good leads.' })),
};
const FormMetrics = { total_forms: Metric, first_forms: Metric, leads: Metric };
const Bounds = {
  start_date: Type.String({ description: '2026-01-24T00:00:00-0500' }),
  end_date: Type.String(),
  time_zone: Type.String(),
};

const summaryOf = <P extends TProperties>(title: string, metrics: P) =>
  answer(title, {
    ...Bounds,
    total_results: Type.Object(metrics),
    grouped_by: Type.Optional(Type.String()),
    grouped_results: Type.Optional(
      Type.Array(
        Type.Object({
          key: Type.Union([Type.String(), Type.Null()], { description: 'null: not known, or none.' }),
          ...metrics,
        }),
        { description: 'With every metric, the largest group first.' },
      ),
    ),
  });

export const CallSummarySchema = summaryOf('CallSummary', CallMetrics);
export const FormSummarySchema = summaryOf('FormSummary', FormMetrics);

export const CallCourseSchema = answer('CallTimeSeries', {
  ...Bounds,
  total_results: Type.Object(CallMetrics),
  data: Type.Array(
    Type.Object({
      date: Type.String({ description: '2026-01-24; of an hour 2026-01-24T11:00:00-0500' }),
      ...CallMetrics,
    }),
  ),
});

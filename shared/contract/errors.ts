import { type Static, Type } from 'typebox';

/**
 * The body of every answer from 400 up. `error` is a sentence for the person who sent the request: what was
 * wrong, where, and what to do. CallRail's v3 has the same single member; `field` is ours and names the culprit
 * as a path (`visit.landing`, `targets.0`) wherever one field is to blame.
 */
export const ErrorSchema = Type.Object(
  { error: Type.String(), field: Type.Optional(Type.String()) },
  { $id: 'Error', description: 'What was wrong, and in which field.' },
);
export type ErrorBody = Static<typeof ErrorSchema>;

/**
 * The refusals that the rules and the stores know. Whoever catches one can branch on `code`; the HTTP surface has
 * one table from code to status (`http/errors.ts`). Anything else that is thrown is a defect and answered 500.
 */
export type RefusalCode =
  /** The request says something that cannot be; `field` names it. */
  | 'invalid'
  /** Nobody proved who he is. */
  | 'unauthenticated'
  /** Known, but not allowed. */
  | 'forbidden'
  /** No such thing, or not one that this user may know of. */
  | 'not_found'
  /** A store did not answer in time; nothing was kept; the same request may be sent again. */
  | 'unavailable';

export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: RefusalCode;
  /** Path of the field to blame (`visit.landing`), where there is one. */
  readonly field: string | undefined;

  constructor(code: RefusalCode, message: string, options: { field?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.field = options.field;
  }
}

/** A field of the request is wrong: `invalid('targets.0', 'is not an E.164 number')`. */
export function invalid(field: string, problem: string): Refusal {
  return new Refusal('invalid', `${field} ${problem}`, { field });
}

/** Nothing of that kind has this id. */
export function notFound(kind: string, id: string): Refusal {
  return new Refusal('not_found', `No ${kind} with id ${JSON.stringify(id.slice(0, 80))}.`);
}

/** A store is away: nothing was kept and the client should come back. */
export function unavailable(what: string, cause?: unknown): Refusal {
  return new Refusal('unavailable', `${what} is not available; nothing was stored. Try again.`, { cause });
}

export function isRefusal(error: unknown): error is Refusal {
  return error instanceof Refusal;
}

/** The same request would be refused again. */
export function isInvalid(error: unknown): error is Refusal {
  return isRefusal(error) && error.code === 'invalid';
}

/**
 * What every resource of the reporting API has in common, so that a resource is one short file: paths with and
 * without `.json`, who asks and for which account, methods that a path has not, pages, and chosen fields.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Static, type TSchema, Type } from 'typebox';
import { ErrorSchema } from '../../../shared/contract/errors.js';
import { pageOf, relativePageOf } from '../../../shared/contract/reporting.js';
import { notFound } from '../../domain/errors.js';
import {
  type Detail,
  type FieldTable,
  type Found,
  PER_PAGE,
  type ReportStore,
  readCount,
  type Slice,
  selectFields,
  totalPages,
  type User,
  type View,
} from '../../domain/reports.js';
import { Query, readFields } from './query.js';

/** What resources need of the world. */
export interface Frame {
  app: FastifyInstance;
  reports: ReportStore;
  /** Who asks; the request was let in before. */
  userOf(request: FastifyRequest): User;
  /** To be called after companies, trackers or numbers have changed. */
  directoryChanged(): Promise<void>;
  publicUrl: string | undefined;
  now(): number;
}

/** One request of a known user to his own account. */
export interface Ask<Body = unknown> {
  user: User;
  query: Query;
  body: Body;
  /** An id from the path. Throws `not_found` for what cannot be one. */
  id(name: string): string;
  /** For the writing of rows; times in the user's zone if no other is given. */
  view(timeZone?: string): View;
  /** This request's absolute URL with other values in its query. */
  urlWith(changes: Record<string, string>): string;
  /** Sets a header of the answer. */
  header(name: string, value: string): void;
}

export interface Endpoint<Body extends TSchema = TSchema> {
  summary: string;
  description?: string;
  /** Parameters and what they mean; unknown ones are ignored all the same. */
  query?: Record<string, string>;
  body?: Body;
  /** Nothing is answered (204) without one. */
  answer?: TSchema;
  status?: 201;
  run(ask: Ask<Static<Body>>): Promise<unknown>;
}

/** Lets the type of `body` reach `run`. */
export function endpoint<Body extends TSchema>(given: Endpoint<Body>): Endpoint {
  return given as unknown as Endpoint;
}

const METHODS = ['GET', 'POST', 'PUT', 'DELETE'] as const;
type Endpoints = Partial<Record<(typeof METHODS)[number], Endpoint>>;

/** Serves a path with and without `.json`; methods that it has not are answered 405. */
export function resource(frame: Frame, tag: string, path: string, endpoints: Endpoints): void {
  const allowed = METHODS.filter((method) => endpoints[method]);
  for (const suffix of ['.json', '']) {
    for (const method of allowed) {
      const answering = endpoints[method] as Endpoint;
      frame.app.route({
        method,
        url: path + suffix,
        schema: suffix ? describe(tag, path, answering) : { ...describe(tag, path, answering), hide: true },
        handler: async (request, reply) => {
          const answer = await answering.run(read(frame, request, reply));
          return reply.code(answering.status ?? (answering.answer ? 200 : 204)).send(answer);
        },
      });
    }
    frame.app.route({
      method: [...METHODS, 'PATCH' as const].filter((method) => method === 'PATCH' || !endpoints[method]),
      url: path + suffix,
      schema: { hide: true },
      // Before the body is read: whatever it holds, the method is wrong.
      onRequest: async (_request, reply) => {
        reply.header('allow', allowed.join(', '));
        throw Object.assign(new Error(`This path knows ${allowed.join(', ')}.`), { statusCode: 405 });
      },
      handler: async () => undefined,
    });
  }
}

function describe(
  tag: string,
  path: string,
  { summary, description, query, body, answer, status }: Endpoint,
) {
  const params = [...path.matchAll(/:(\w+)/g)].map(([, name]) => [name as string, Type.String()] as const);
  const parameters = Object.entries(query ?? {}).map(
    ([name, about]) => [name, Type.Optional(Type.String({ description: about }))] as const,
  );
  return {
    tags: [tag],
    summary,
    security: [{ token: [] }],
    ...(description === undefined ? {} : { description }),
    ...(params.length > 0 ? { params: Type.Object(Object.fromEntries(params)) } : {}),
    ...(parameters.length > 0 ? { querystring: Type.Object(Object.fromEntries(parameters)) } : {}),
    ...(body === undefined ? {} : { body }),
    response: {
      ...(answer ? { [status ?? 200]: answer } : { 204: Type.Null({ description: 'Done.' }) }),
      '4xx': ErrorSchema,
    },
  };
}

function read(frame: Frame, request: FastifyRequest, reply: FastifyReply): Ask<never> {
  const user = frame.userOf(request);
  const query = new Query(request.url);
  const base = baseOf(frame, request);
  return {
    user,
    query,
    body: request.body as never,
    id(name) {
      const id = String((request.params as Record<string, unknown>)[name]);
      if (!/^\w{1,64}$/.test(id)) throw notFound(name, id);
      return id;
    },
    view: (timeZone = user.timeZone) => ({ accountId: user.accountId, timeZone, base }),
    urlWith: (changes) => `${base}${request.url.split('?')[0]}?${query.with(changes)}`,
    header: (name, value) => reply.header(name, value),
  };
}

function baseOf({ publicUrl }: Frame, request: FastifyRequest): string {
  if (publicUrl !== undefined) return publicUrl.replace(/\/+$/, '');
  const host = /^[\w.:[\]-]+$/.test(request.host) ? request.host : 'localhost';
  return `${request.protocol}://${host}`;
}

// ── Lists and single rows ────────────────────────────────────────────────────────────────────────────────────

export const FIELDS_PARAMETER = { fields: 'Names of further fields, with commas between them.' };
export const PAGE_PARAMETERS = {
  page: 'From 1.',
  per_page: `${PER_PAGE.standard} if left out, ${PER_PAGE.most} at most.`,
};
export const SORT_PARAMETERS = { sort: 'Field to sort by.', order: 'asc or desc' };
export const DATE_PARAMETERS = {
  start_date: 'ISO 8601 date or date-time, included.',
  end_date: 'ISO 8601 date or date-time, included; a date means the end of that day.',
  date_range: 'recent (default), today, yesterday, last_7_days, this_month … or all_time',
  time_zone: 'IANA name, or user: of the window, and of the times answered.',
};

export interface PagedList<Row> {
  name: string;
  table: FieldTable<Row>;
  view: View;
  /** `relative_pagination=true` is understood. */
  relative?: boolean;
  find(slice: Slice, details: ReadonlySet<Detail>, count: boolean): Promise<Found<Row>>;
}

/** Answers one page of a list, and tells in a `Link` header where the next one is. */
export async function answerPage<Row>(ask: Ask, list: PagedList<Row>): Promise<Record<string, unknown>> {
  const { query } = ask;
  const { details, write } = selectFields(list.table, readFields(query));
  const written = (rows: Row[]) => rows.map((row) => write(row, list.view));
  const perPage = readCount('per_page', query.one('per_page'), {
    standard: PER_PAGE.standard,
    least: 1,
    most: PER_PAGE.most,
  });
  if (list.relative && asksForRelativePages(query)) {
    const index = readCount('offset', query.one('offset'), { standard: 0, least: 0, most: MAX_PAGE });
    // One row more than is shown tells whether there is a next page, without counting.
    const { rows } = await list.find({ limit: perPage + 1, offset: index * perPage }, details, false);
    const more = rows.length > perPage;
    return {
      has_next_page: more,
      next_page: more ? ask.urlWith({ offset: String(index + 1) }) : null,
      [list.name]: written(rows.slice(0, perPage)),
    };
  }
  const page = readCount('page', query.one('page'), { standard: 1, least: 1, most: MAX_PAGE });
  const { rows, total } = await list.find({ limit: perPage, offset: (page - 1) * perPage }, details, true);
  const pages = totalPages(total ?? 0, perPage);
  if (page < pages) ask.header('link', `<${ask.urlWith({ page: String(page + 1) })}>; rel="next"`);
  return {
    page,
    per_page: perPage,
    total_pages: pages,
    total_records: total ?? 0,
    [list.name]: written(rows),
  };
}

/** Far enough for everybody, and no number that a statement could stumble over. */
const MAX_PAGE = 10_000_000;

export function pageSchema(name: string, item: TSchema, { relative = false } = {}): TSchema {
  return relative ? Type.Union([pageOf(name, item), relativePageOf(name, item)]) : pageOf(name, item);
}

/** Answers one row with the fields asked for; null is answered 404. */
export async function answerOne<Row>(
  ask: Ask,
  table: FieldTable<Row>,
  view: View,
  find: (details: ReadonlySet<Detail>) => Promise<Row | null>,
  unknown: () => Error,
): Promise<Record<string, unknown>> {
  const { details, write } = selectFields(table, readFields(ask.query));
  const row = await find(details);
  if (row === null) throw unknown();
  return write(row, view);
}

export function asksForRelativePages(query: Query): boolean {
  return query.one('relative_pagination') === 'true';
}

/** The table with some of its standard fields left to those who ask for them. */
export function leavingOut<Row>(table: FieldTable<Row>, names: readonly string[]): FieldTable<Row> {
  const entries = Object.entries(table.standard);
  return {
    ...table,
    standard: Object.fromEntries(entries.filter(([name]) => !names.includes(name))),
    optional: { ...table.optional, ...Object.fromEntries(entries.filter(([name]) => names.includes(name))) },
  };
}

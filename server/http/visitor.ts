import cors from '@fastify/cors';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isbot } from 'isbot';
import { Compile } from 'typebox/compile';
import { ErrorSchema } from '../../shared/contract/errors.js';
import {
  EventSchemas,
  EventsRequestSchema,
  type EventsResponse,
  EventsResponseSchema,
  type EventType,
  MAX_VISITOR_BYTES,
  type SwapRequest,
  SwapRequestSchema,
  type SwapResponse,
  SwapResponseSchema,
  type VisitorEvent,
} from '../../shared/contract/visitor.js';
import type { Device } from '../domain/ports.js';
import type { SwapContext } from '../domain/swap.js';
import type { EventBatch } from '../domain/visitor-events.js';
import { firstPartyCookies } from './first-party-cookies.js';
import type { LeaseBudgets } from './lease-budgets.js';
import { isLoopback } from './peers.js';

export interface VisitorParts {
  swap: (request: SwapRequest, context: SwapContext) => Promise<SwapResponse>;
  receive: (batch: EventBatch) => Promise<EventsResponse>;
  budgets: LeaseBudgets;
  cookieDays: (scriptKey: string) => number;
  count: (what: 'event_accepted' | 'event_repeated' | 'event_rejected' | 'swap', by?: number) => void;
}

const EVENT_CHECKS = {
  page_view: Compile(EventSchemas.page_view),
  ping: Compile(EventSchemas.ping),
  tap: Compile(EventSchemas.tap),
  form: Compile(EventSchemas.form),
  leave: Compile(EventSchemas.leave),
} as const;

const ERRORS = { 400: ErrorSchema, 413: ErrorSchema, 415: ErrorSchema, 503: ErrorSchema };

/** What the script on the page asks and tells. JSON, also as text/plain: that spares the browser a preflight. */
export async function visitorRoutes(scope: FastifyInstance, parts: VisitorParts): Promise<void> {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  await app.register(cors, {
    origin: '*',
    methods: ['POST'],
    allowedHeaders: ['content-type'],
    maxAge: 86_400,
  });
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser('text/plain', { parseAs: 'string', bodyLimit: MAX_VISITOR_BYTES }, parse);

  app.route({
    method: 'POST',
    url: '/v1/swap',
    bodyLimit: MAX_VISITOR_BYTES,
    schema: {
      tags: ['visitor'],
      summary: 'The numbers that this visitor should see',
      body: SwapRequestSchema,
      response: { 200: SwapResponseSchema, ...ERRORS },
    },
    handler: async (request, reply) => {
      const body = cleaned(request.body);
      const context = whoAsks(request);
      const answer = await parts.swap(body, { ...context, leaseBudget: parts.budgets.of(request.ip) });
      parts.count('swap');
      const remembered = { session: answer.session, ...(answer.began ?? body.visit) };
      const cookies = firstPartyCookies(request, remembered, parts.cookieDays(body.key));
      if (cookies.length > 0) reply.header('set-cookie', cookies);
      return reply.header('cache-control', 'no-store').send(answer);
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/events',
    bodyLimit: MAX_VISITOR_BYTES,
    schema: {
      tags: ['visitor'],
      summary: 'What the visitor did: each event is accepted, repeated or rejected for itself',
      body: EventsRequestSchema,
      response: { 200: EventsResponseSchema, ...ERRORS },
    },
    handler: async (request, reply) => {
      const { key, session, visit, events: given } = cleaned(request.body);
      const { events, rejected } = checkEvents(given);
      const answer = await parts.receive({ key, session, visit, events, rejected, ...whoAsks(request) });
      parts.count('event_accepted', answer.accepted);
      parts.count('event_repeated', answer.repeated);
      parts.count('event_rejected', answer.rejected.length);
      return reply.header('cache-control', 'no-store').send(answer);
    },
  });
}

/** What a request says beside its body. */
function whoAsks(request: FastifyRequest) {
  // https://w3c.github.io/gpc/
  const gpc = request.headers['sec-gpc'] === '1';
  return { now: Date.now(), bot: isCrawler(request), device: deviceOf(request), gpc };
}

function checkEvents(events: unknown[]): { events: VisitorEvent[]; rejected: EventsResponse['rejected'] } {
  const good: VisitorEvent[] = [];
  const rejected: EventsResponse['rejected'] = [];
  for (const event of events) {
    const error = faultOf(event);
    if (error === null) good.push(event as VisitorEvent);
    else rejected.push({ id: idOf(event), error });
  }
  return { events: good, rejected };
}

function faultOf(event: unknown): string | null {
  if (typeof event !== 'object' || event === null || Array.isArray(event))
    return 'an event must be an object';
  const { type } = event as { type?: unknown };
  if (typeof type !== 'string' || !Object.hasOwn(EVENT_CHECKS, type)) {
    return `type must be one of ${Object.keys(EVENT_CHECKS).join(', ')}`;
  }
  const check = EVENT_CHECKS[type as EventType];
  if (check.Check(event)) return null;
  const [first] = check.Errors(event);
  const path = first?.instancePath.slice(1).replaceAll('/', '.') ?? '';
  return path ? `${path} ${first?.message}` : (first?.message ?? 'is not valid');
}

/** The id of a rejected event, so that the page knows which to drop. */
function idOf(event: unknown): string | null {
  const id = (event as { id?: unknown } | null)?.id;
  return typeof id === 'string' ? id.slice(0, 64) : null;
}

/**
 * Postgres keeps neither NUL nor half a surrogate pair, and neither means anything in a URL, a title or a form: they
 * are taken out rather than refused, since a visitor cannot help them.
 */
function cleaned<T>(value: T): T {
  if (isClean(value)) return value;
  if (typeof value === 'string') return value.replaceAll('\0', '').toWellFormed() as T;
  if (Array.isArray(value)) return value.map(cleaned) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [cleaned(key), cleaned(item)])) as T;
}

/** Nearly every body is: this tells it without copying anything. */
function isClean(value: unknown): boolean {
  if (typeof value === 'string') return !value.includes('\0') && value.isWellFormed();
  if (Array.isArray(value)) return value.every(isClean);
  if (typeof value !== 'object' || value === null) return true;
  for (const name in value) if (!isClean(name) || !isClean(value[name as keyof typeof value])) return false;
  return true;
}

/** A headless Chromium, and the programs with which people try an API. */
const TRIAL =
  /HeadlessChrome\/|^(?:node|undici|axios|got|curl|wget|httpie|postmanruntime|insomnia|python-\w+|aiohttp|go-http-client|okhttp|java)\b/i;

/**
 * A crawler, or a browser that loads the page ahead of its visitor (https://wicg.github.io/nav-speculation/). What
 * comes from this very machine by one of the programs above is neither: it is somebody who tries his own server.
 */
function isCrawler({ headers, ip }: FastifyRequest): boolean {
  const purpose = `${headers['sec-purpose'] ?? ''} ${headers.purpose ?? ''}`;
  if (/prefetch|prerender/.test(purpose)) return true;
  const agent = headers['user-agent'];
  return isKnownBot(agent ?? '') && !(isLoopback(ip) && TRIAL.test(agent ?? ''));
}

/** isbot asks long patterns, and visitors have few agents: what it said is remembered. */
const bots = new Map<string, boolean>();
const MAX_AGENTS = 2000;

function isKnownBot(agent: string): boolean {
  let is = bots.get(agent);
  if (is === undefined) {
    is = isbot(agent);
    if (bots.size >= MAX_AGENTS) bots.clear();
    bots.set(agent, is);
  }
  return is;
}

/** https://developer.mozilla.org/docs/Web/HTTP/Guides/Browser_detection_using_the_user_agent: "Mobi" anywhere. */
function deviceOf({ headers }: FastifyRequest): Device | null {
  const agent = headers['user-agent'];
  return agent ? (/Mobi|Android|iPad/.test(agent) ? 'mobile' : 'desktop') : null;
}

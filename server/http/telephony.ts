import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Route } from '../domain/directory.js';
import { notFound, Refusal, unavailable } from '../domain/errors.js';
import { isFictitious } from '../domain/phone-numbers.js';
import type { CallEvent, PhoneNumber, RecordWriter } from '../domain/ports.js';
import { type Plan, planAfterDial, planAfterRecording, planAnswer, planWhisper } from '../telephony/plan.js';
import { CALLBACKS, type Callback, type Provider, type ProviderReport } from '../telephony/provider.js';

export interface TelephonyParts {
  providers: readonly Provider[];
  writer: Pick<RecordWriter, 'writeCall'>;
  /** From memory: answers whatever store is down. */
  route: (number: PhoneNumber) => Route | undefined;
  count: (
    what: 'call_report' | 'call_fallback' | 'call_unsigned' | 'call_unknown_number' | 'call_not_recorded',
  ) => void;
}

/** The caller is not kept waiting for the record longer than this; what is slower goes on behind. */
const RECORD_MS = 700;
/** Reports whose answer nobody hears. */
const NOBODY_WAITS: readonly Callback[] = ['status', 'transcription'];
/** No report of a provider is larger. */
const BODY_LIMIT = 128 * 1024;

const Params = Type.Object({ provider: Type.String(), callback: Type.String() });

/** What a telephony provider asks and tells: each answer is the provider's document, within a second. */
export async function telephonyRoutes(scope: FastifyInstance, parts: TelephonyParts): Promise<void> {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  // The signature covers the bytes, so they are kept as they came.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: BODY_LIMIT }, (_request, body, done) => {
    done(null, body);
  });

  app.route({
    method: ['GET', 'POST'],
    url: '/v1/telephony/:provider/:callback',
    bodyLimit: BODY_LIMIT,
    schema: {
      tags: ['telephony'],
      summary: 'Webhooks of a telephony provider, signed by it',
      params: Params,
      response: {
        200: { description: "The provider's document.", content: { 'text/xml': { schema: Type.String() } } },
      },
    },
    handler: async (request, reply) => {
      const provider = parts.providers.find(({ name }) => name === request.params.provider);
      const asked = CALLBACKS.find((name) => name === request.params.callback);
      if (!provider || !asked) throw notFound('telephony callback', request.url.split('?')[0] ?? '');
      const report = readGenuine(parts, provider, asked, request);
      const { callback, event } = report;
      parts.count('call_report');
      if (event?.fault) {
        parts.count('call_fallback');
        request.log.warn(
          { code: event.fault.code, callback },
          'the provider got no good answer and asks again',
        );
      }

      const route = parts.route(report.trackingNumber);
      if (!route) parts.count('call_unknown_number');
      if (route && event) {
        const kept = record(parts, route, callback, event, request);
        // A caller who was let down once by our slowness does not wait for the record again.
        const isLost = !event.fault && (await kept) === 'lost';
        // Where nobody is on the line, the provider may as well hear that nothing was kept.
        if (isLost && NOBODY_WAITS.includes(callback)) throw unavailable('The record');
      }
      const document = provider.render(planFor(callback, report, route), report.trackingNumber);
      return reply.header('content-type', document.contentType).send(document.body);
    },
  });
}

function planFor(callback: Callback, { event }: ProviderReport, route: Route | undefined): Plan {
  if (callback === 'voice') return planAnswer(route);
  if (callback === 'dial') return planAfterDial(route, event?.status ?? null);
  if (callback === 'whisper') return planWhisper(route);
  return callback === 'recording' ? planAfterRecording() : [];
}

/** Refuses what nobody vouches for, and what the simulator says about any but the demo company's numbers. */
function readGenuine(
  parts: TelephonyParts,
  provider: Provider,
  callback: Callback,
  request: FastifyRequest,
): ProviderReport {
  const { method, url, headers } = request;
  const signed = { method, url, headers, body: (request.body as Buffer | undefined) ?? Buffer.alloc(0) };
  const voucher = provider.verify(signed);
  if (voucher === null) {
    parts.count('call_unsigned');
    throw new Refusal(
      'forbidden',
      'The signature is missing or wrong. It must cover PUBLIC_URL and the path as sent.',
    );
  }
  const report = provider.read(callback, signed, Date.now());
  const number = report.trackingNumber;
  if (voucher === 'simulator' && !(isFictitious(number) && parts.route(number)?.demo)) {
    parts.count('call_unsigned');
    throw new Refusal('forbidden', "The simulator may call the demo company's fictitious numbers only.");
  }
  return report;
}

/** Keeps the report, or tells that it is lost; a slow record never keeps the caller from being connected. */
async function record(
  { writer, count }: TelephonyParts,
  route: Route,
  callback: Callback,
  event: CallEvent,
  request: FastifyRequest,
): Promise<'kept' | 'late' | 'lost'> {
  const { companyId, trackerId, destinationNumber } = route;
  const told = callback === 'voice' ? { ...event, destinationNumber } : event;
  const kept = writer.writeCall({ companyId, trackerId, event: told }).then(
    () => 'kept' as const,
    (error) => {
      count('call_not_recorded');
      request.log.error({ err: error, callback }, 'a report about a call could not be recorded');
      return 'lost' as const;
    },
  );
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((done) => {
    timer = setTimeout(() => done('late'), RECORD_MS);
  });
  return Promise.race([kept, late]).finally(() => clearTimeout(timer));
}

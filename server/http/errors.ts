import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ErrorBody } from '../../shared/contract/errors.js';
import { isRefusal, type RefusalCode } from '../domain/errors.js';

const STATUS: Record<RefusalCode, number> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  unavailable: 503,
};

/** A client that met a 503 comes back after so many seconds. */
const RETRY_AFTER_SECONDS = 2;

/** One place decides what a failed request is told: a sentence below 500, and nothing of our insides above. */
export function installErrorHandlers(app: FastifyInstance): void {
  app.setErrorHandler((thrown: unknown, request, reply) => {
    const { status, body } = describe(thrown);
    if (status >= 500 && status !== 503) request.log.error({ err: thrown }, 'request failed');
    else request.log.debug({ req: request, status, field: body.field }, 'request refused');
    if (status === 503) reply.header('retry-after', RETRY_AFTER_SECONDS);
    if (status === 401) reply.header('www-authenticate', 'Token realm="Application"');
    return send(reply, status, body);
  });
  app.setNotFoundHandler((_request: FastifyRequest, reply) => send(reply, 404, { error: 'Not found' }));
}

function send(reply: FastifyReply, status: number, body: ErrorBody) {
  // A plain string, so that a route's response schema for 2xx never filters the error.
  return reply
    .code(status)
    .header('content-type', 'application/json; charset=utf-8')
    .send(JSON.stringify(body));
}

function describe(thrown: unknown): { status: number; body: ErrorBody } {
  if (isRefusal(thrown)) {
    const body: ErrorBody = { error: thrown.message };
    if (thrown.field !== undefined) body.field = thrown.field;
    return { status: STATUS[thrown.code], body };
  }
  const error = thrown as FastifyError;
  if (error.validation) {
    const [first] = error.validation;
    const missing = first?.params?.requiredProperties ?? first?.params?.missingProperty;
    const path = [
      ...(first?.instancePath ?? '').split('/').slice(1),
      ...(missing ? [missing].flat().slice(0, 1) : []),
    ];
    const field = path.join('.') || (error.validationContext ?? 'body');
    // One of several words, or an object in their place: each is told as a fault of its own.
    const here = error.validation.filter(({ instancePath }) => instancePath === first?.instancePath);
    const words = here.flatMap(({ keyword, params }) => {
      if (keyword === 'const') return [String(params.allowedValue)];
      return keyword === 'type' && params.type === 'object' ? ['an object'] : [];
    });
    const isChoice = here.some(({ keyword }) => keyword === 'const');
    const wrong = isChoice ? `must be ${words.join(' or ')}` : (first?.message ?? 'is not valid');
    const problem = missing ? 'is missing' : wrong;
    return { status: 400, body: { error: `${field} ${problem}`, field } };
  }
  const status = error.statusCode ?? 500;
  if (status >= 500) return { status, body: { error: 'Something went wrong on our side; it was logged.' } };
  return { status, body: { error: error.message } };
}

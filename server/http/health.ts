import type { FastifyInstance, preHandlerAsyncHookHandler } from 'fastify';
import type { Registry } from 'prom-client';
import { Type } from 'typebox';

/** Whether one thing that the server needs is there, and if not what is known about why. */
export interface Dependency {
  ok: boolean;
  detail?: string;
}

export interface HealthParts {
  /** The process was told to end and answers a little longer. */
  isLeaving: () => boolean;
  ready: () => Promise<Record<string, Dependency>>;
  metrics: Registry;
  /** Lets loopback peers and holders of an API key pass. */
  insiders: preHandlerAsyncHookHandler;
}

const Health = Type.Object({ status: Type.String() });

const Readiness = Type.Object({
  ready: Type.Boolean(),
  dependencies: Type.Record(
    Type.String(),
    Type.Object({ ok: Type.Boolean(), detail: Type.Optional(Type.String()) }),
  ),
});

/** What an operator's tools ask: alive, ready, numbers, and the description of every route. */
export async function healthRoutes(
  app: FastifyInstance,
  { isLeaving, ready, metrics, insiders }: HealthParts,
): Promise<void> {
  app.route({
    method: 'GET',
    url: '/healthz',
    schema: {
      tags: ['operator'],
      // What a balancer should ask: a server without its stores still forwards calls, so it must not be taken out.
      summary: 'The process is alive and takes requests; 503 when it is about to stop',
      response: { 200: Health, 503: Health },
    },
    handler: async (_request, reply) =>
      isLeaving() ? reply.code(503).send({ status: 'stopping' }) : { status: 'ok' },
  });

  app.route({
    method: 'GET',
    url: '/readyz',
    schema: {
      tags: ['operator'],
      summary: 'Every dependency is there; 503 when one is missing',
      response: { 200: Readiness, 503: Readiness },
    },
    handler: async (_request, reply) => {
      const dependencies = {
        ...(await ready()),
        ...(isLeaving() ? { server: { ok: false, detail: 'is about to stop' } } : {}),
      };
      const all = Object.values(dependencies).every(({ ok }) => ok);
      return reply.code(all ? 200 : 503).send({ ready: all, dependencies });
    },
  });

  app.route({
    method: 'GET',
    url: '/metrics',
    schema: {
      tags: ['operator'],
      summary: 'Prometheus metrics; for loopback peers or with an API key',
      response: { 200: { description: 'Text.', content: { 'text/plain': { schema: Type.String() } } } },
    },
    preHandler: insiders,
    handler: async (_request, reply) =>
      reply.header('content-type', metrics.contentType).send(await metrics.metrics()),
  });

  app.route({
    method: 'GET',
    url: '/openapi.json',
    schema: {
      tags: ['operator'],
      summary: 'This API, as OpenAPI',
      response: { 200: Type.Object({}, { additionalProperties: true }) },
    },
    handler: async () => app.swagger(),
  });
}

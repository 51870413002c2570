import type { FastifyInstance, preHandlerAsyncHookHandler } from 'fastify';
import type { Registry } from 'prom-client';
import { Type } from 'typebox';

/** Whether one thing that the server needs is there, and if not what is known about why. */
export interface Dependency {
  ok: boolean;
  detail?: string;
}

export interface HealthParts {
  ready: () => Promise<Record<string, Dependency>>;
  metrics: Registry;
  /** Lets loopback peers and holders of an API key pass. */
  insiders: preHandlerAsyncHookHandler;
}

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
  { ready, metrics, insiders }: HealthParts,
): Promise<void> {
  app.route({
    method: 'GET',
    url: '/healthz',
    schema: {
      tags: ['operator'],
      summary: 'The process is alive',
      response: { 200: Type.Object({ status: Type.Literal('ok') }) },
    },
    handler: async () => ({ status: 'ok' }),
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
      const dependencies = await ready();
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

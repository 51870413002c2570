import helmet from '@fastify/helmet';
import swagger from '@fastify/swagger';
import Fastify, { type FastifyInstance, LogController } from 'fastify';
import { type AssetParts, assetRoutes } from './http/assets.js';
import { type DemoParts, demoRoutes } from './http/demo.js';
import { installErrorHandlers } from './http/errors.js';
import { refuseDeepBodies } from './http/guard.js';
import { type HealthParts, healthRoutes } from './http/health.js';
import { PICTURE_STYLE } from './http/pool-picture.js';
import { type ReportingParts, reportingRoutes } from './http/reporting/index.js';
import { type TelephonyParts, telephonyRoutes } from './http/telephony.js';
import { type VisitorParts, visitorRoutes } from './http/visitor.js';
import { loggerOptions } from './log.js';
import type { Metrics } from './metrics.js';

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Says to proxies that this server is about to end: 503 at /healthz and /readyz, and the connection closed after
     * each answer. Every other request is answered as before.
     */
    takeLeave(): void;
  }
}

export interface AppParts {
  logLevel: string;
  /** Proxies whose X-Forwarded-* is believed; of anybody else it is ignored. */
  trustProxy: string[];
  version: string;
  metrics: Metrics;
  visitor: VisitorParts;
  assets: AssetParts;
  telephony: TelephonyParts;
  reporting: ReportingParts;
  health: Omit<HealthParts, 'isLeaving'>;
  demo: DemoParts;
}

/** A request must be complete within this time (a slow sender holds a connection, nothing else). */
const REQUEST_TIMEOUT_MS = 15_000;
/** … and its headers, too. With headersTimeout above requestTimeout Node 20 enforces neither (tried). */
const HEADERS_TIMEOUT_MS = REQUEST_TIMEOUT_MS;
const TIMEOUT_CHECK_MS = 1000;
/** Longer than the usual 60 s of proxies, so that it is the proxy who closes an idle connection. */
const KEEP_ALIVE_MS = 72_000;
/** Nothing moved on a connection for so long: its reader does not read. Longer than an idle one is kept. */
const SILENT_MS = KEEP_ALIVE_MS + 8000;

/** The application without a socket: each surface is a plugin with the parts it needs, and nothing else. */
export async function buildApp(parts: AppParts): Promise<FastifyInstance> {
  const app = Fastify({
    // Through process.stdout, so that log lines and the ready line keep their order.
    logger: { ...loggerOptions(parts.logLevel), stream: process.stdout },
    // One line a request at debug (below) instead of two at info.
    logController: new LogController({ disableRequestLogging: true }),
    trustProxy: parts.trustProxy.length > 0 ? parts.trustProxy : false,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: SILENT_MS,
    http: { headersTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: TIMEOUT_CHECK_MS },
    keepAliveTimeout: KEEP_ALIVE_MS,
    // While closing, idle connections are closed and busy ones get their answer, not a 503: a proxy would pass it on.
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    routerOptions: { ignoreTrailingSlash: true },
    // A wrong type is the client's mistake and is told as one, not guessed away.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
  });
  let isLeaving = false;
  app.decorate('takeLeave', () => {
    isLeaving = true;
  });
  installErrorHandlers(app);
  refuseDeepBodies(app);
  // Hooks of every request call back instead of making a promise each.
  app.addHook('onSend', (_request, reply, _payload, done) => {
    reply.header('x-content-type-options', 'nosniff');
    if (isLeaving) reply.header('connection', 'close');
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'none';
    parts.metrics.observeRequest(request.method, route, reply.statusCode, reply.elapsedTime / 1000);
    request.log.debug({ req: request, res: reply, ms: Math.round(reply.elapsedTime) }, 'request');
    done();
  });

  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'calltrk',
        version: parts.version,
        description: 'Website call tracking that you run yourself.',
      },
      components: {
        securitySchemes: {
          token: { type: 'apiKey', in: 'header', name: 'Authorization', description: 'Token token="KEY"' },
        },
      },
    },
  });
  await app.register(visitorRoutes, parts.visitor);
  await app.register(assetRoutes, parts.assets);
  await app.register(telephonyRoutes, parts.telephony);
  await app.register(async (scope) => {
    // 'self' is for the demo page; no answer of the API is ever shown as a page.
    await scope.register(helmet, {
      contentSecurityPolicy: {
        useDefaults: false,
        directives: {
          defaultSrc: ["'none'"],
          scriptSrc: ["'self'"],
          styleSrc: ["'self'", PICTURE_STYLE],
          connectSrc: ["'self'"],
          imgSrc: ["'self'", 'data:'],
          formAction: ["'self'"],
          baseUri: ["'none'"],
          frameAncestors: ["'none'"],
        },
      },
      // Said by the proxy that speaks TLS, which knows whether the whole host does.
      strictTransportSecurity: false,
    });
    await scope.register(reportingRoutes, parts.reporting);
    await scope.register(healthRoutes, { ...parts.health, isLeaving: () => isLeaving });
    await scope.register(demoRoutes, parts.demo);
  });
  return app;
}

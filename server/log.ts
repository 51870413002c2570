import type { LoggerOptions } from 'pino';

/**
 * Logs hold no personal data: of a request its method and the route's pattern, never its URL, address or body; of an
 * error of Postgres only codes and names, since its texts quote values. An allow-list, so that what is added later is
 * left out until somebody decides.
 */
export function loggerOptions(level: string): LoggerOptions {
  return {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
    serializers: {
      req: (request: { method?: string; routeOptions?: { url?: string } }) => ({
        method: request.method,
        route: request.routeOptions?.url ?? 'none',
      }),
      res: (reply: { statusCode?: number }) => ({ status: reply.statusCode }),
      err: describeError,
    },
  };
}

interface LoggableError {
  name?: string;
  message?: string;
  code?: string;
  severity?: string;
  table?: string;
  constraint?: string;
  routine?: string;
  stack?: string;
  cause?: unknown;
}

function describeError(error: LoggableError): object {
  const { name, code, severity, table, constraint, routine, stack, cause } = error;
  const inner = typeof cause === 'object' && cause !== null ? { cause: describeError(cause) } : {};
  // Only errors that Postgres answered have a severity.
  if (severity !== undefined)
    return { name: 'PostgresError', code, severity, table, constraint, routine, ...inner };
  const frames = stack?.split('\n').filter((line) => line.startsWith('    at '));
  return { name, message: error.message, code, stack: frames?.slice(0, 8).join('\n'), ...inner };
}

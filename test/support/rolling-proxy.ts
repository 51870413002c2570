/**
 * A reverse proxy for tests, as strict as a proxy can be: it takes servers in turn, and out while /healthz is not 200; it
 * keeps connections; it tries again only when no connection could be made, so that whatever a server does to a request
 * that has been sent is the client's to see. `repeat` makes it as lenient as the examples in `examples/` are.
 */
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export interface RollingProxy {
  url: string;
  /** Requests that were sent on, by the port of the server. */
  sent: Map<number, number>;
  close(): Promise<void>;
}

export interface RollingProxyOptions {
  /** Ports of 127.0.0.1. */
  servers: number[];
  /** Taken away in front of the path, as `location /ct/ { proxy_pass http://…/; }` does. */
  prefix?: string;
  /** Send a request under /v1/ again when its connection broke before an answer began: those may be repeated. */
  repeat?: boolean;
  /** How long a request waits for some server to take a connection. */
  patienceMs?: number;
}

const CHECK_MS = 200;
const RETRY_MS = 25;

export async function startRollingProxy(options: RollingProxyOptions): Promise<RollingProxy> {
  const { servers, prefix = '', repeat = false, patienceMs = 15_000 } = options;
  const agent = new Agent({ keepAlive: true });
  const sent = new Map(servers.map((port) => [port, 0]));
  const out = new Set<number>();
  let turn = 0;

  async function check(): Promise<void> {
    for (const port of servers) {
      const answer = await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => undefined);
      if (answer?.ok) out.delete(port);
      else out.add(port);
    }
  }

  function next(): number {
    const good = servers.filter((port) => !out.has(port));
    const from = good.length > 0 ? good : servers;
    return from[turn++ % from.length] as number;
  }

  function pass(incoming: IncomingMessage, body: Buffer, port: number): Promise<IncomingMessage> {
    const { host = '', ...headers } = incoming.headers;
    const path = (incoming.url ?? '').slice(prefix.length);
    sent.set(port, (sent.get(port) ?? 0) + 1);
    return new Promise((done, fail) => {
      request({
        agent,
        host: '127.0.0.1',
        port,
        path,
        method: incoming.method,
        headers: {
          ...headers,
          host: `127.0.0.1:${port}`,
          'x-forwarded-for': [headers['x-forwarded-for'], incoming.socket.remoteAddress]
            .filter(Boolean)
            .join(', '),
          'x-forwarded-proto': headers['x-test-scheme'] ?? 'http',
          'x-forwarded-host': host,
          connection: 'keep-alive',
        },
      })
        .on('response', done)
        .on('error', fail)
        .end(body);
    });
  }

  async function serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await buffer(incoming);
    const end = Date.now() + patienceMs;
    for (;;) {
      const port = next();
      try {
        const answer = await pass(incoming, body, port);
        const { connection: _, 'transfer-encoding': __, ...headers } = answer.headers;
        outgoing.writeHead(answer.statusCode ?? 502, headers).end(await buffer(answer));
        return;
      } catch (error) {
        const { code = 'unknown' } = error as { code?: string };
        const again =
          code === 'ECONNREFUSED' || (repeat && code === 'ECONNRESET' && /^\/v1\//.test(incoming.url ?? ''));
        if (!again || Date.now() > end) {
          outgoing.writeHead(502).end(code);
          return;
        }
        await new Promise((done) => setTimeout(done, RETRY_MS));
      }
    }
  }

  const server = createServer((incoming, outgoing) => {
    serve(incoming, outgoing).catch(() => outgoing.destroy());
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const timer = servers.length > 1 ? setInterval(check, CHECK_MS) : undefined;
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sent,
    async close() {
      clearInterval(timer);
      agent.destroy();
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

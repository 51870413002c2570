/** A small proxy as people put before servers: takes turns among those that say they are ready, and never tries twice. */
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { RunningServer } from '../../support/server.js';

export interface RoundRobin {
  url: string;
  /** A server that may be asked, once it is ready; one that ended is forgotten by itself. */
  add(server: RunningServer): void;
  /** Servers that get requests now. */
  ready(): number;
  close(): Promise<void>;
}

/** As a load balancer looks: often enough that a server which takes leave is noticed well before it ends. */
const LOOK_MS = 250;

export async function startRoundRobin(): Promise<RoundRobin> {
  const servers = new Map<RunningServer, boolean>();
  const agent = new Agent({ keepAlive: true });
  let turn = 0;

  const look = async () => {
    for (const server of servers.keys()) {
      const answer = await fetch(`${server.url}/readyz`, { signal: AbortSignal.timeout(1000) }).catch(
        () => null,
      );
      if (server.child.exitCode !== null) servers.delete(server);
      else servers.set(server, answer?.status === 200);
    }
  };
  let isClosed = false;
  const looking = (async () => {
    while (!isClosed) {
      await look();
      await new Promise((done) => setTimeout(done, LOOK_MS));
    }
  })();

  function pass(from: IncomingMessage, to: ServerResponse): void {
    const ready = [...servers].flatMap(([server, isReady]) => (isReady ? [server] : []));
    const server = ready[turn++ % ready.length];
    if (!server) {
      to.writeHead(502).end('nobody is ready');
      return;
    }
    const { hostname, port } = new URL(server.url);
    const headers = { ...from.headers, 'x-forwarded-for': from.socket.remoteAddress ?? '' };
    const { method = 'GET', url = '/' } = from;
    const onward = request({ hostname, port, method, path: url, headers, agent }, (answer) => {
      to.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(to);
    });
    onward.on('error', (error) => {
      if (to.headersSent) to.destroy();
      else to.writeHead(502).end(`the server broke off: ${error.message}`);
    });
    from.pipe(onward);
  }

  const listener = createServer(pass);
  listener.keepAliveTimeout = 60_000;
  await new Promise<void>((done) => listener.listen(0, '127.0.0.1', done));
  const { port } = listener.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    add: (server) => servers.set(server, true),
    ready: () => [...servers.values()].filter(Boolean).length,
    async close() {
      isClosed = true;
      await looking;
      agent.destroy();
      listener.closeAllConnections();
      await new Promise((done) => listener.close(done));
    },
  };
}

/**
 * The network between a server and a store, with its faults: a TCP proxy that is slow, deaf, broken or shut when a
 * test says so. Faults do not end by themselves; `heal` ends all of them.
 */
import { connect, createServer, type Socket } from 'node:net';

export interface TcpProxy {
  port: number;
  /** Every chunk waits so long, in each direction, and in order; 0 is no delay. */
  delay(ms: number): void;
  /**
   * Bytes are swallowed and nobody is told: connections stay open, new ones are taken and never answered. Those that
   * lost bytes are cut by `heal`, for a stream with a hole is none.
   */
  blackhole(): void;
  /** Breaks every connection there is, with a reset; new ones are welcome. */
  cut(): void;
  /** Connections there are go on; new ones are reset, as by a host where nobody listens. */
  refuse(): void;
  /** New connections go there from now on; combine with `cut` for a failover. */
  pointAt(target: Target): void;
  heal(): void;
  /** Connections at this moment. */
  count(): number;
  close(): Promise<void>;
}

export interface Target {
  host?: string;
  port: number;
}

export async function startTcpProxy(target: Target): Promise<TcpProxy> {
  let to = target;
  let delayMs = 0;
  let isDeaf = false;
  let isShut = false;
  const pairs = new Set<Pair>();

  interface Pair {
    client: Socket;
    upstream?: Socket;
    hasHole: boolean;
    end(): void;
  }

  const pass = (pair: Pair, from: Socket, into: Socket) => {
    // The chunks under way, one after another, so that a shorter delay does not overtake a longer one.
    let tail: Promise<void> = Promise.resolve();
    const afterDelay = (work: () => void) => {
      const due = Date.now() + delayMs;
      tail = tail.then(async () => {
        const wait = due - Date.now();
        if (wait > 0) await new Promise((done) => setTimeout(done, wait));
        work();
      });
    };
    const isLost = () => {
      if (isDeaf) pair.hasHole = true;
      return pair.hasHole;
    };
    from.on('data', (chunk: Buffer) => {
      if (isLost()) return;
      from.pause();
      afterDelay(() => {
        if (isLost() || into.destroyed) {
          from.resume();
          return;
        }
        if (into.write(chunk)) from.resume();
        else into.once('drain', () => from.resume());
      });
    });
    from.on('end', () => {
      if (!isLost()) afterDelay(() => into.end());
    });
    from.on('close', () => {
      if (!isLost()) afterDelay(() => into.destroySoon());
    });
  };

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    client.on('error', () => undefined);
    if (isShut) {
      client.resetAndDestroy();
      return;
    }
    const pair: Pair = {
      client,
      hasHole: isDeaf,
      end() {
        pairs.delete(pair);
        for (const socket of [client, pair.upstream]) {
          if (!socket || socket.destroyed) continue;
          if (socket.connecting) socket.destroy();
          else socket.resetAndDestroy();
        }
      },
    };
    pairs.add(pair);
    if (isDeaf) {
      client.resume();
      client.on('close', () => pairs.delete(pair));
      return;
    }
    const upstream = connect({
      host: to.host ?? '127.0.0.1',
      port: to.port,
      allowHalfOpen: true,
      noDelay: true,
    });
    pair.upstream = upstream;
    // Nobody at the other end: the client learns it as it would without us.
    upstream.on('error', () => {
      if (!pair.hasHole) pair.end();
    });
    client.on('close', () => {
      if (upstream.destroyed) pairs.delete(pair);
    });
    upstream.on('close', () => {
      if (client.destroyed) pairs.delete(pair);
    });
    pass(pair, client, upstream);
    pass(pair, upstream, client);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as { port: number };

  const cut = () => {
    for (const pair of [...pairs]) pair.end();
  };
  return {
    port,
    delay: (ms) => {
      delayMs = ms;
    },
    blackhole: () => {
      isDeaf = true;
    },
    cut,
    refuse: () => {
      isShut = true;
    },
    pointAt: (next) => {
      to = next;
    },
    heal: () => {
      delayMs = 0;
      isDeaf = false;
      isShut = false;
      for (const pair of [...pairs]) if (pair.hasHole) pair.end();
    },
    count: () => pairs.size,
    async close() {
      cut();
      await new Promise((done) => server.close(done));
    },
  };
}

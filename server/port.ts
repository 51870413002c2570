/** The port that the server is to listen on: whether it is to be had, before anything is made or started for it. */
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A server that is just ending gives its port free within this time. */
const PATIENCE_MS = 2000;

/** The port or the address cannot be listened on; the message says what to set. */
export class PortError extends Error {
  override readonly name = 'PortError';
}

/** Listens there for a moment. Rejects with a PortError when that cannot be, after two seconds when it is in use. */
export async function requirePort(address: { port: number; host: string }): Promise<void> {
  const patience = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      await listenOnce(address);
      return;
    } catch (error) {
      const isInUse = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (!isInUse || Date.now() > patience) throw inWords(error as NodeJS.ErrnoException, address);
      await sleep(100);
    }
  }
}

function listenOnce(address: { port: number; host: string }): Promise<void> {
  return new Promise((done, fail) => {
    const server = createServer().once('error', fail);
    server.listen(address, () => server.close(() => done()));
  });
}

function inWords(
  { code = '', message }: NodeJS.ErrnoException,
  { port, host }: { port: number; host: string },
): PortError {
  if (code === 'EADDRINUSE') {
    return new PortError(
      `port ${port} on ${host} is in use. Stop what uses it, or set PORT (0 takes a free one).`,
    );
  }
  if (code === 'EACCES') {
    return new PortError(`port ${port} may not be used by this user. Set PORT to 1024 or more.`);
  }
  if (/^(ENOTFOUND|EAI_\w+)$/.test(code)) {
    return new PortError(`HOST ${host} is no name that this machine knows (${code}). ${HOSTS}`);
  }
  if (code === 'EADDRNOTAVAIL' || code === 'EINVAL') {
    return new PortError(`HOST ${host} is not an address of this machine. ${HOSTS}`);
  }
  return new PortError(`HOST ${host}, PORT ${port} cannot be listened on: ${message}`);
}

const HOSTS = 'Set 127.0.0.1 (this machine alone), 0.0.0.0 (every address), or one of its own.';

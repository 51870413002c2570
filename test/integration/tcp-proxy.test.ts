/** The network of the fault tests is itself a part that may be wrong: a proxy that heals nothing proves nothing. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';

let echo: Server;
let proxy: TcpProxy;
const open: Socket[] = [];

beforeEach(async () => {
  echo = createServer((socket) => socket.on('error', () => undefined).pipe(socket));
  await new Promise<void>((done) => echo.listen(0, '127.0.0.1', done));
  proxy = await startTcpProxy({ port: (echo.address() as { port: number }).port });
});
afterEach(async () => {
  for (const socket of open.splice(0)) socket.destroy();
  await proxy.close();
  await new Promise((done) => echo.close(done));
});

async function dial(): Promise<Socket> {
  const socket = connect({ port: proxy.port, host: '127.0.0.1' });
  open.push(socket);
  socket.on('error', () => undefined);
  // A refused connection may be closed before it is seen open.
  await new Promise((done) => socket.once('connect', done).once('close', done));
  return socket;
}

/** What comes back within the time; undefined is silence, 'closed' an end. */
function say(socket: Socket, text: string, patienceMs = 500): Promise<string | undefined> {
  return new Promise((done) => {
    let got = '';
    const finish = (answer: string | undefined) => {
      clearTimeout(timer);
      socket.off('data', hear).off('close', ended);
      done(answer);
    };
    const timer = setTimeout(() => finish(undefined), patienceMs);
    const hear = (chunk: Buffer) => {
      got += chunk;
      if (got.length >= text.length) finish(got);
    };
    const ended = () => finish('closed');
    socket.on('data', hear).on('close', ended);
    if (socket.destroyed) ended();
    else socket.write(text);
  });
}

it('passes bytes on in order, also many', async () => {
  const socket = await dial();
  const much = Array.from({ length: 100_000 }, (_, at) => `${at},`).join('');
  expect(await say(socket, much, 5000)).toBe(much);
});

it('delays each direction, keeps the order, and is quick again once healed', async () => {
  const socket = await dial();
  proxy.delay(60);
  const start = performance.now();
  expect(await say(socket, 'slow')).toBe('slow');
  expect(performance.now() - start).toBeGreaterThanOrEqual(115);
  proxy.heal();
  const again = performance.now();
  expect(await say(socket, 'fast')).toBe('fast');
  expect(performance.now() - again).toBeLessThan(50);
});

it('swallows bytes without a word: old connections stay open, new ones are taken and never answered', async () => {
  const old = await dial();
  expect(await say(old, 'hello')).toBe('hello');
  proxy.blackhole();
  expect(await say(old, 'lost', 150)).toBeUndefined();
  const young = await dial();
  expect(await say(young, 'lost', 150)).toBeUndefined();
  expect([old.destroyed, young.destroyed]).toEqual([false, false]);
  proxy.heal();
  expect(await say(old, 'a hole')).toBe('closed');
  expect(await say(await dial(), 'well')).toBe('well');
});

it('cuts what is connected and takes new connections, or refuses them', async () => {
  const old = await dial();
  proxy.cut();
  expect(await say(old, 'gone')).toBe('closed');
  const next = await dial();
  expect(await say(next, 'here')).toBe('here');
  proxy.refuse();
  expect(await say(next, 'still here')).toBe('still here');
  expect(await say(await dial(), 'no')).toBe('closed');
  proxy.heal();
  expect(await say(await dial(), 'yes')).toBe('yes');
});

it('resets the client when nobody listens behind it, and can be pointed elsewhere', async () => {
  const other = createServer((socket) =>
    socket
      .on('error', () => undefined)
      .resume()
      .end('other'),
  );
  await new Promise<void>((done) => other.listen(0, '127.0.0.1', done));
  proxy.pointAt({ port: 1 });
  expect(await say(await dial(), 'anyone')).toBe('closed');
  proxy.pointAt({ port: (other.address() as { port: number }).port });
  expect(await say(await dial(), 'other')).toBe('other');
  await new Promise((done) => other.close(done));
});

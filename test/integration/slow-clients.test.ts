/**
 * F28. Clients that send a byte now and then, or never read: each holds its own connection and nothing else, is cut
 * off in time, and everybody else is served meanwhile as ever.
 */
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DemoCompany, demoCompany } from '../support/demo.js';
import { NOISE_MS, until } from '../support/processes.js';
import { type RunningServer, removeDataDir, startServer, visitor } from '../support/server.js';

const SLOW = 300;
/** The server gives a request 15 s; it looks once a second. */
const CUT_OFF_MS = 20_000;
const SERVED_MS = 1000 + NOISE_MS;

let server: RunningServer;
let demo: DemoCompany;
let port: number;
beforeAll(async () => {
  server = await startServer();
  demo = await demoCompany(server);
  port = Number(new URL(server.url).port);
});
afterAll(async () => {
  await server.end();
  removeDataDir(server.dataDir);
});

interface SlowClient {
  socket: Socket;
  answer: string;
  /** When the server closed the connection, in milliseconds after it was opened; undefined: it is open. */
  closedAfter: number | undefined;
}

/** Opens it, sends the start, then a piece every half second. */
function drip(start: string, piece: string): SlowClient {
  const began = performance.now();
  const socket = connect(port, '127.0.0.1');
  const client: SlowClient = { socket, answer: '', closedAfter: undefined };
  socket.on('error', () => undefined);
  socket.on('data', (chunk) => {
    client.answer += chunk;
  });
  socket.write(start);
  const timer = setInterval(() => socket.write(piece), 500);
  socket.on('close', () => {
    clearInterval(timer);
    client.closedAfter = performance.now() - began;
  });
  // A closed write side would be an end of the request; only the server's end is looked for.
  socket.on('end', () => socket.destroy());
  return client;
}

/** Serves visitors until all are cut off; answers how long the slowest visitor waited. */
async function serveUntilCut(clients: SlowClient[]): Promise<number> {
  let slowest = 0;
  const end = Date.now() + CUT_OFF_MS;
  while (clients.some(({ closedAfter }) => closedAfter === undefined) && Date.now() < end) {
    const began = performance.now();
    const someone = visitor(server, demo.scriptKey);
    expect((await someone.swap()).status).toBe(200);
    expect((await someone.send({ type: 'ping' })).body).toMatchObject({ accepted: 1 });
    slowest = Math.max(slowest, performance.now() - began);
    await new Promise((done) => setTimeout(done, 100));
  }
  for (const { socket } of clients) socket.destroy();
  return slowest;
}

describe('are cut off, and everybody else is served meanwhile:', () => {
  const cases: [string, string, string][] = [
    ['headers that never end', 'POST /v1/swap HTTP/1.1\r\nhost: x\r\n', 'x-more: 1\r\n'],
    [
      'a body that never ends',
      'POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\ncontent-length: 60000\r\n\r\n{',
      ' ',
    ],
    [
      'chunks that never end',
      'POST /v1/telephony/twilio/voice HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n',
      '1\r\nx\r\n',
    ],
    ['a request that never begins', '', '\r\n'],
  ];
  test.concurrent.each(cases)('%s', { timeout: 60_000 }, async (_name, start, piece) => {
    const clients = Array.from({ length: SLOW }, () => drip(start, piece));
    const slowest = await serveUntilCut(clients);
    expect(clients.filter(({ closedAfter }) => closedAfter === undefined)).toHaveLength(0);
    expect(
      Math.max(...clients.map(({ closedAfter = Number.POSITIVE_INFINITY }) => closedAfter)),
    ).toBeLessThan(CUT_OFF_MS);
    for (const { answer } of clients) expect(answer).toMatch(/^(HTTP\/1\.1 4\d\d |$)/);
    expect(slowest).toBeLessThan(SERVED_MS);
  });
});

test('who asks again and again and never reads holds little memory, and everybody else is served', {
  timeout: 60_000,
}, async () => {
  const { scriptPath } = demo;
  const ask = `GET ${scriptPath} HTTP/1.1\r\nhost: x\r\naccept-encoding: identity\r\n\r\n`.repeat(200);
  const before = await residentMegabytes();
  const sockets = Array.from({ length: 50 }, () => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined).pause();
    socket.write(ask);
    return socket;
  });
  for (let at = 0; at < 20; at++) {
    const began = performance.now();
    expect((await visitor(server, demo.scriptKey).swap()).status).toBe(200);
    expect(performance.now() - began).toBeLessThan(SERVED_MS);
    await new Promise((done) => setTimeout(done, 50));
  }
  expect((await residentMegabytes()) - before).toBeLessThan(300);
  for (const socket of sockets) socket.destroy();
  await until(async () => ((await visitor(server, demo.scriptKey).swap()).status === 200 ? true : undefined));
});

async function residentMegabytes(): Promise<number> {
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(metrics)?.[1]) / 1e6;
}

/**
 * `POST /v1/swap` on the embedded default against a bare Fastify POST with the same body and schemas, in turn in one
 * run, since machines drift: only the ratio means something. One new session to four further page views.
 */
import { fork } from 'node:child_process';
import autocannon from 'autocannon';
import { demoCompany } from '../support/demo.js';
import { removeDataDir, startServer } from '../support/server.js';

const ROUNDS = 5;
const SECONDS = 4;
const CONNECTIONS = 64;
const AGENT = 'Mozilla/5.0 (X11; Linux x64) AppleWebKit/537.36 Chrome/156.0 Safari/537.36';

export async function benchSwap(): Promise<void> {
  const server = await startServer({ env: { LOG_LEVEL: 'warn' } });
  const bare = fork('test/bench/bare-server.ts', { execArgv: ['--import', 'tsx'] });
  const port = await new Promise((done) => bare.once('message', done));
  try {
    const { scriptKey } = await demoCompany(server);
    const results = { bare: [] as autocannon.Result[], swap: [] as autocannon.Result[] };
    for (let round = 0; round < ROUNDS + 1; round++) {
      for (const [name, url] of [
        ['bare', `http://127.0.0.1:${port}`],
        ['swap', server.url],
      ] as const) {
        const result = await load(url, scriptKey);
        if (result.non2xx + result.errors > 0)
          throw new Error(`${name}: ${result.non2xx} refused, ${result.errors} errors`);
        // The first round warms both up.
        if (round > 0) results[name].push(result);
      }
      process.stderr.write(round === 0 ? 'warmed up' : ` · round ${round}`);
    }
    process.stderr.write('\n');
    const rate = ({ requests }: autocannon.Result) => requests.average;
    const p99 = ({ latency }: autocannon.Result) => latency.p99;
    console.table({
      'bare Fastify, requests/s': spread(results.bare.map(rate)),
      'POST /v1/swap, requests/s': spread(results.swap.map(rate)),
      'ratio (bar: 0.40)': spread(
        results.swap.map((result, at) => rate(result) / rate(results.bare[at] as autocannon.Result)),
      ),
      'bare Fastify, p99 ms': spread(results.bare.map(p99)),
      'POST /v1/swap, p99 ms': spread(results.swap.map(p99)),
    });
  } finally {
    bare.kill();
    await server.end();
    removeDataDir(server.dataDir);
  }
}

function load(url: string, key: string): Promise<autocannon.Result> {
  let session = '';
  let views = 0;
  const nextBody = () => {
    if (views++ % 5 === 0) session = crypto.randomUUID();
    return JSON.stringify({
      key,
      session,
      visit: {
        landing: 'https://bluebird.example/?utm_source=google&utm_medium=cpc&gclid=abc',
        referrer: 'https://www.google.com/',
      },
      page: {
        id: crypto.randomUUID(),
        url: `https://bluebird.example/page-${views}`,
        title: 'Bluebird Plumbing',
      },
      targets: ['+13055550100'],
    });
  };
  return autocannon({
    url: `${url}/v1/swap`,
    connections: CONNECTIONS,
    duration: SECONDS,
    method: 'POST',
    headers: { 'content-type': 'text/plain', 'user-agent': AGENT },
    requests: [{ setupRequest: (request) => ({ ...request, body: nextBody() }) }],
  });
}

function spread(values: number[]): { median: number; min: number; max: number } {
  const sorted = values.toSorted((a, b) => a - b);
  const tidy = (value = 0) => Number(value.toPrecision(3));
  return {
    median: tidy(sorted[Math.floor(sorted.length / 2)]),
    min: tidy(sorted[0]),
    max: tidy(sorted.at(-1)),
  };
}

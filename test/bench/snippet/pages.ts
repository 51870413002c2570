/** The pages that the script is measured on, and a server for them that answers the script at once. */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { ScriptConfig, SwapRequest, SwapResponse } from '../../../shared/contract/visitor.js';
import { DEMO_NUMBER } from '../../support/demo.js';

/** What the pages show before the swap and after it: ten digits, as the checks in the page compare them. */
export const SITE_DIGITS = DEMO_NUMBER.slice(2);
export const POOL_DIGITS = '7865550123';

const KEY = 'k'.repeat(20);
const SCRIPT_PATH = `/companies/1/${KEY}/12/swap.js`;
export const SCRIPT_TAG = `<script src="${SCRIPT_PATH}"></script>`;
export const ASYNC_TAG = `<script async src="${SCRIPT_PATH}"></script>`;

const CONFIG: ScriptConfig = {
  key: KEY,
  version: 'v1',
  cookie_days: 180,
  forms: true,
  targets: [DEMO_NUMBER, '+12125550100'],
  codes: ['+1'],
  pooled: [DEMO_NUMBER, '+12125550100'],
  sources: [],
};

export interface BenchSite {
  url: string;
  close(): Promise<void>;
}

/** Serves the pages by their paths, the built script with a configuration in it, and answers of the API. */
export async function startBenchSite(pages: Record<string, string>): Promise<BenchSite> {
  const script = readFileSync('dist/snippet/swap.js', 'utf8').replace('__CALLTRK_CONFIG__', () =>
    JSON.stringify(CONFIG),
  );
  const here = (name: string) => readFileSync(new URL(name, import.meta.url), 'utf8');
  const scripts: Record<string, string> = {
    [SCRIPT_PATH]: script,
    '/bare.js': here('bare.js'),
    '/in-page.js': here('in-page.js'),
  };
  const server = createServer(async (request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? '';
    const found = scripts[path];
    if (found !== undefined) {
      response.writeHead(200, {
        'content-type': 'text/javascript; charset=utf-8',
        'cache-control': 'max-age=300',
      });
      response.end(found);
    } else if (path === '/v1/swap') {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answer(JSON.parse(await bodyOf(request)))));
    } else if (path.startsWith('/v1/')) {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end('{"accepted":1,"repeated":0,"rejected":[]}');
    } else {
      const body = pages[path];
      response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'text/html; charset=utf-8' });
      response.end(body);
    }
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

function answer({ session, targets }: SwapRequest): SwapResponse {
  const number = {
    e164: `+1${POOL_DIGITS}`,
    national: '(786) 555-0123',
    national_string: POOL_DIGITS,
    international: '+1 786 555 0123',
    shared: false,
  };
  return {
    session,
    visit: session,
    config: CONFIG.version,
    held_seconds: 1200,
    ping_seconds: 60,
    numbers: Object.fromEntries(targets.map((target) => [target, target === DEMO_NUMBER ? number : null])),
    source: 'direct',
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** Twenty places of the number: every second one a link. */
const SPELLINGS = [
  '(305) 555-0100',
  '305-555-0100',
  '305.555.0100',
  '+1 305 555 0100',
  '1-305-555-0100',
  '3055550100',
  '(305)&nbsp;555&#8209;0100',
  '+1 (305) 555-0100',
  '305 555 0100',
  '+13055550100',
];
const HREFS = ['tel:+13055550100', 'tel:305-555-0100', 'tel:1-305-555-0100', 'tel:%2B13055550100'];

const FIGURES = ['$19.99', '2026', '24/7', '33101', '10,000'];
const WORDS =
  'we mend pipes drains and boilers day or night in all of Miami our plumbers come within one hour with the parts they need and a price that you know before they start'.split(
    ' ',
  );

/**
 * A page with this many text nodes (a multiple of twenty), of paragraphs, lists and links: some blank, some with figures
 * in them, and twenty times the number, the last one at its very end.
 */
export function pageOf(textNodes: number, head: string, end: string): string {
  let seed = 1;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (seed >> 8) % below;
  };
  const word = () => (random(25) === 0 ? FIGURES[random(FIGURES.length)] : WORDS[random(WORDS.length)]);
  const words = () => Array.from({ length: 3 + random(12) }, word).join(' ');

  const parts: string[] = [];
  for (let place = 0; place < SPELLINGS.length * 2; place++) {
    for (let left = textNodes / 20 - 2; left > 0; left -= 3) {
      if (left < 3) parts.push(Array.from({ length: left }, () => `<p>${words()}</p>`).join(''));
      else if (random(4) === 0) parts.push(`<ul><li>${words()}</li> <li>${words()}</li></ul>`);
      else parts.push(`<div><p>${words()} <a href="/p/${place}">${words()}</a> ${words()}</p></div>`);
    }
    const spelling = SPELLINGS[place % SPELLINGS.length];
    const [open, close] = place % 2 ? [`a href="${HREFS[(place >> 1) % HREFS.length]}"`, 'a'] : ['b', 'b'];
    parts.push(`<p>${words()} <${open} class="spot">${spelling}</${close}></p>`);
  }
  const title = '<meta charset="utf-8"><title>Bluebird</title>';
  return `<!doctype html><html lang="en"><head>${title}${head}</head><body>${parts.join('')}${end}</body></html>`;
}

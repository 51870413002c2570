/**
 * Script and API under a path of the site itself, by the proxies' own programs, with the very text of `examples/` and of
 * snippet/README.md: what is changed in it is ports, names and folders, and that there is no certificate.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Chromium, startChromium } from '../support/chromium.js';
import { demoCompany } from '../support/demo.js';
import { cookiesOf, numberShown } from '../support/e2e.js';
import { exitOf, freePort, until } from '../support/processes.js';
import { type RunningServer, removeDataDir, startServer } from '../support/server.js';
import { BUSINESS, troublesOf } from '../support/site.js';

interface Proxy {
  program: 'nginx' | 'caddy';
  /** A whole configuration, from the text that an owner of a site is given. */
  configure(at: { port: number; api: number; folder: string }): string;
}

const README = readFileSync('snippet/README.md', 'utf8');
const readme = (begin: string) => README.slice(README.indexOf(`\n${begin}`)).split('\n```', 1)[0] as string;

/** What a machine's nginx has around its sites. */
const nginx = (sites: string, folder: string) => `
  daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
  events {}
  http {
    access_log off; default_type text/html;
    ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
    ${sites}
  }`;
const caddy = (sites: string) => `{\nadmin off\nauto_https off\n}\n${sites}`;

const PROXIES: [name: string, Proxy][] = [
  [
    'examples/nginx.conf',
    {
      program: 'nginx',
      configure: ({ port, api, folder }) =>
        nginx(
          readFileSync('examples/nginx.conf', 'utf8')
            .replace(/^\s*(?:ssl_|listen \[|listen 80;).*$/gm, '')
            .replaceAll('listen 443 ssl;', `listen 127.0.0.1:${port};`)
            // The server that leads to https: there is none here.
            .replace(/server \{\s*server_name calls\.example\.com;\s*return 301[^}]*\}/, '')
            .replaceAll('www.example.com', 'localhost')
            .replaceAll('127.0.0.1:3000', `127.0.0.1:${api}`)
            .replaceAll('/var/www/html', `${folder}/html`),
          folder,
        ),
    },
  ],
  [
    'the README’s lines for nginx',
    {
      program: 'nginx',
      configure: ({ port, api, folder }) =>
        nginx(
          `server { listen 127.0.0.1:${port}; root ${folder}/html; ${readme('location /ct/').replace('127.0.0.1:3000', `127.0.0.1:${api}`)} }`,
          folder,
        ),
    },
  ],
  [
    'examples/Caddyfile',
    {
      program: 'caddy',
      configure: ({ port, api, folder }) =>
        caddy(
          readFileSync('examples/Caddyfile', 'utf8')
            .replace('calls.example.com {', `http://calls.example.com:${port} {`)
            .replace('www.example.com {', `http://localhost:${port} {`)
            .replaceAll('127.0.0.1:3000', `127.0.0.1:${api}`)
            .replaceAll('/var/www/html', `${folder}/html`)
            // Debian 12 has Caddy 2.6, which does not know it.
            .replace(isOldCaddy() ? /^\s*request_buffers .*$/m : /$^/, ''),
        ),
    },
  ],
  [
    'the README’s lines for Caddy',
    {
      program: 'caddy',
      configure: ({ port, api, folder }) =>
        caddy(
          `http://localhost:${port} {\n${readme('handle_path /ct/').replace('127.0.0.1:3000', `127.0.0.1:${api}`)}\nhandle {\nroot * ${folder}/html\nfile_server\n}\n}`,
        ),
    },
  ],
];

const versionOf = (program: string) => {
  const { status, stdout, stderr } = spawnSync(program, [program === 'nginx' ? '-v' : 'version'], {
    encoding: 'utf8',
  });
  return status === 0 ? stdout + stderr : null;
};
const isOldCaddy = () => /^v?2\.[0-6]\./.test(versionOf('caddy') ?? '');

let chromium: Chromium;
let server: RunningServer;
let scriptPath: string;
let port: number;
let api: number;
const folder = mkdtempSync(join(tmpdir(), 'calltrk-proxy-'));
const site = () => `http://localhost:${port}`;

beforeAll(async () => {
  [chromium, port, api] = await Promise.all([startChromium(), freePort(), freePort()]);
  const env = { PORT: String(api), PUBLIC_URL: `${site()}/ct`, TRUST_PROXY: '127.0.0.1,::1' };
  server = await startServer({ env });
  // Beside a PUBLIC_URL the ready line names that.
  server.url = `http://127.0.0.1:${api}`;
  ({ scriptPath } = await demoCompany(server));
  // nginx reads it as another user.
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, 'html'));
  const page = BUSINESS.replace('{{script}}', `<script async src="${scriptPath}"></script>`);
  writeFileSync(join(folder, 'html/index.html'), page);
});
afterAll(async () => {
  await chromium.close();
  await server.end();
  removeDataDir(server.dataDir);
  rmSync(folder, { recursive: true, force: true });
});

describe.each(PROXIES)('%s', (_, { program, configure }) => {
  const isHere = versionOf(program) !== null;
  let child: ChildProcess;

  beforeAll(async () => {
    if (!isHere) return;
    const file = join(folder, 'proxy.conf');
    writeFileSync(file, configure({ port, api, folder }));
    const words =
      program === 'nginx'
        ? ['-c', file, '-p', folder, '-e', `${folder}/error.log`]
        : ['run', '--config', file, '--adapter', 'caddyfile'];
    child = spawn(program, words, {
      env: { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
      stdio: 'ignore',
    });
    await until(async () => (await fetch(`${site()}/ct/healthz`).catch(() => null))?.ok || undefined);
  });
  afterAll(async () => {
    if (!isHere) return;
    const gone = exitOf(child);
    child.kill('SIGTERM');
    await gone;
  });

  test.skipIf(!isHere)('the number shows, and the cookies are the server’s own', async () => {
    const page = await (await chromium.newVisitor()).newPage();
    const troubles = troublesOf(page);
    const asked: string[] = [];
    const set: Promise<string[]>[] = [];
    page.on('response', (response) => {
      asked.push(new URL(response.url()).pathname);
      if (response.url().endsWith('/v1/swap')) set.push(response.headerValues('set-cookie'));
    });
    await page.goto(`${site()}/?gclid=x`);
    expect(await numberShown(page)).toMatch(/^\+1305555011\d$/);
    const { calltrk_session_id } = await cookiesOf(page);
    expect((await Promise.all(set)).flat().join('\n')).toContain(
      `calltrk_session_id=${calltrk_session_id}; Path=/; Max-Age=15552000`,
    );
    expect(asked).toEqual(['/', scriptPath, '/ct/v1/swap']);
    expect(scriptPath.startsWith('/ct/companies/')).toBe(true);
    expect(troubles).toEqual([]);
  });

  test.skipIf(!isHere)('what is for this machine alone is for nobody else', async () => {
    for (const path of ['/ct/metrics', '/ct/demo', '/ct/demo/play', '/ct/demo/play/page']) {
      expect((await fetch(site() + path)).status, path).toBe(404);
    }
  });
});

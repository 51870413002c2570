/**
 * Script and API under a path of the site itself, by the proxies' own programs with the very files of `examples/`: what
 * is changed in them is ports, names and folders, and that there is no certificate.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Chromium, startChromium } from '../support/chromium.js';
import { demoCompany } from '../support/demo.js';
import { cookiesOf, numberShown } from '../support/e2e.js';
import { exitOf, freePort, until } from '../support/processes.js';
import { newDataDir, type RunningServer, removeDataDir, startServer } from '../support/server.js';
import { BUSINESS, troublesOf } from '../support/site.js';

interface Proxy {
  /** The configuration of `examples/`, for this machine. */
  configure(example: string, port: number, api: number, folder: string): string;
  example: string;
  arguments(file: string, folder: string): string[];
}

const PROXIES: Record<string, Proxy> = {
  nginx: {
    example: 'examples/nginx.conf',
    configure: (example, port, api, folder) => `
      daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
      events {}
      http {
        access_log off;
        ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
        ${example
          .replace(/^\s*(?:ssl_|listen \[|listen 80;).*$/gm, '')
          .replaceAll('listen 443 ssl;', `listen 127.0.0.1:${port};`)
          // The server that leads to https: there is none here.
          .replace(/server \{\s*server_name calls\.example\.com;\s*return 301[^}]*\}/, '')
          .replaceAll('www.example.com', 'localhost')
          .replaceAll('127.0.0.1:3000', `127.0.0.1:${api}`)
          .replaceAll('/var/www/html', `${folder}/html`)}
      }`,
    arguments: (file, folder) => ['-c', file, '-p', folder, '-e', `${folder}/error.log`],
  },
  caddy: {
    example: 'examples/Caddyfile',
    configure: (example, port, api, folder) =>
      `{\nadmin off\nauto_https off\n}\n${example
        .replace('calls.example.com {', `http://calls.example.com:${port} {`)
        .replace('www.example.com {', `http://localhost:${port} {`)
        .replaceAll('127.0.0.1:3000', `127.0.0.1:${api}`)
        .replaceAll('/var/www/html', `${folder}/html`)}`,
    arguments: (file) => ['run', '--config', file, '--adapter', 'caddyfile'],
  },
};

let chromium: Chromium;
beforeAll(async () => {
  chromium = await startChromium();
});
afterAll(() => chromium.close());

for (const [name, proxy] of Object.entries(PROXIES)) {
  const isHere = spawnSync(name, [name === 'nginx' ? '-v' : 'version']).status === 0;
  describe.skipIf(!isHere)(
    isHere ? `behind ${name}` : `behind ${name}, which this machine does not have`,
    () => {
      let server: RunningServer;
      let child: ChildProcess;
      let site: string;
      let scriptPath: string;
      const folder = mkdtempSync(join(tmpdir(), `calltrk-${name}-`));
      const dataDir = newDataDir();

      beforeAll(async () => {
        const [port, api] = await Promise.all([freePort(), freePort()]);
        site = `http://localhost:${port}`;
        server = await startServer({
          dataDir,
          env: { PORT: String(api), PUBLIC_URL: `${site}/ct`, TRUST_PROXY: '127.0.0.1,::1' },
        });
        // Beside a PUBLIC_URL the ready line names that.
        server.url = `http://127.0.0.1:${api}`;
        ({ scriptPath } = await demoCompany(server));
        mkdirSync(join(folder, 'html'));
        const page = BUSINESS.replace('{{script}}', `<script async src="${scriptPath}"></script>`);
        writeFileSync(join(folder, 'html/index.html'), page);
        const file = join(folder, 'proxy.conf');
        writeFileSync(file, proxy.configure(readFileSync(proxy.example, 'utf8'), port, api, folder));
        child = spawn(name, proxy.arguments(file, folder), {
          env: { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
          stdio: 'ignore',
        });
        await until(async () => (await fetch(`${site}/ct/healthz`).catch(() => null))?.ok || undefined);
      });
      afterAll(async () => {
        const gone = exitOf(child);
        child.kill('SIGTERM');
        await Promise.all([gone, server.end()]);
        removeDataDir(dataDir);
        rmSync(folder, { recursive: true, force: true });
      });

      test('the number shows, and the cookies are the server’s own', async () => {
        const page = await (await chromium.newVisitor()).newPage();
        const troubles = troublesOf(page);
        const asked: string[] = [];
        page.on('request', (request) => asked.push(new URL(request.url()).pathname));
        const answered = page.waitForResponse('**/ct/v1/swap');
        await page.goto(`${site}/?gclid=x`);
        expect(await numberShown(page)).toMatch(/^\+1305555011\d$/);
        const set = await (await answered).headerValues('set-cookie');
        const { calltrk_session_id } = await cookiesOf(page);
        expect(set.join('\n')).toContain(
          `calltrk_session_id=${calltrk_session_id}; Path=/; Max-Age=15552000`,
        );
        expect(asked).toEqual(['/', scriptPath, '/ct/v1/swap']);
        expect(scriptPath.startsWith('/ct/companies/')).toBe(true);
        expect(troubles).toEqual([]);
      });

      test('what is for this machine alone is for nobody else', async () => {
        for (const path of ['/ct/metrics', '/ct/demo', '/ct/demo/play', '/ct/demo/play/page']) {
          expect((await fetch(site + path)).status, path).toBe(404);
        }
      });
    },
  );
}

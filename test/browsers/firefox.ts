/** Firefox, which speaks WebDriver BiDi itself: no driver beside it. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exitOf, freePort, until } from '../support/processes.js';
import { asJson, type Browser, COMMAND_MS, findProgram, fromJson, type Tab } from './browser.js';

/** Starts a headless Firefox with a new profile; a text says what is missing. */
export async function startFirefox(): Promise<Browser | string> {
  const program = findProgram('firefox-esr', 'firefox');
  if (!program) return 'Firefox is missing: apt-get install --no-install-recommends firefox-esr';
  if (typeof WebSocket === 'undefined') return 'Node is to be started with --experimental-websocket';
  const profile = mkdtempSync(join(tmpdir(), 'calltrk-firefox-'));
  const port = await freePort();
  const child = spawn(
    program,
    ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', String(port)],
    { stdio: 'ignore', env: { ...process.env, HOME: profile } },
  );
  const gone = exitOf(child);
  const end = async () => {
    child.kill();
    await gone;
    rmSync(profile, { recursive: true, force: true });
  };
  try {
    const link = await until(() => connect(`ws://127.0.0.1:${port}/session`), {
      timeoutMs: 60_000,
      what: 'a connection to Firefox',
    });
    const { capabilities } = await link.send('session.new', { capabilities: {} });
    return {
      name: `Firefox ${capabilities.browserVersion}`,
      newVisitor: () => openTab(link),
      async close() {
        link.close();
        await end();
      },
    };
  } catch (error) {
    await end();
    throw error;
  }
}

async function openTab(link: Link): Promise<Tab> {
  const { userContext } = await link.send('browser.createUserContext', {});
  const { context } = await link.send('browsingContext.create', { type: 'tab', userContext });
  return {
    async goto(url) {
      await link.send('browsingContext.navigate', { context, url, wait: 'complete' });
    },
    async ask(expression) {
      const { result } = await link.send('script.evaluate', {
        expression: asJson(expression),
        target: { context },
        awaitPromise: true,
      });
      return fromJson(result.value);
    },
    async click(selector) {
      const { nodes } = await link.send('browsingContext.locateNodes', {
        context,
        locator: { type: 'css', value: selector },
      });
      const [node] = nodes;
      if (!node) throw new Error(`nothing on the page is ${selector}`);
      const origin = { type: 'element', element: { sharedId: node.sharedId } };
      await link.send('input.performActions', {
        context,
        actions: [
          {
            type: 'pointer',
            id: 'mouse',
            actions: [
              { type: 'pointerMove', x: 0, y: 0, origin },
              { type: 'pointerDown', button: 0 },
              { type: 'pointerUp', button: 0 },
            ],
          },
        ],
      });
    },
    async close() {
      await link.send('browser.removeUserContext', { userContext });
    },
  };
}

interface Link {
  /** The result of a command; throws the browser's error. */
  send(method: string, params: object): Promise<any>;
  close(): void;
}

async function connect(url: string): Promise<Link> {
  const socket = new WebSocket(url);
  await new Promise<void>((done, fail) => {
    socket.onopen = () => done();
    socket.onerror = () => fail(new Error(`${url} does not answer`));
  });
  const waiting = new Map<number, { done(result: unknown): void; fail(error: Error): void }>();
  socket.onmessage = ({ data }) => {
    const { id, type, result, error, message } = JSON.parse(String(data));
    const asked = waiting.get(id);
    waiting.delete(id);
    if (type === 'error') asked?.fail(new Error(`${error}: ${message}`));
    else asked?.done(result);
  };
  socket.onclose = () => {
    for (const { fail } of waiting.values()) fail(new Error('Firefox hung up'));
  };
  let last = 0;
  return {
    send: (method, params) =>
      new Promise((done, fail) => {
        const id = ++last;
        waiting.set(id, { done, fail });
        setTimeout(() => fail(new Error(`${method} is not answered`)), COMMAND_MS).unref();
        socket.send(JSON.stringify({ id, method, params }));
      }),
    close: () => socket.close(),
  };
}

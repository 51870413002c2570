/** WebKitGTK by its WebDriver, over plain HTTP; on a screen of its own where the machine has none. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exitOf, freePort, until } from '../support/processes.js';
import { asJson, type Browser, COMMAND_MS, findProgram, fromJson, type Tab } from './browser.js';

/** What a WebDriver calls an element in JSON. */
const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf';
const MINI_BROWSERS = ['x86_64', 'aarch64'].map(
  (machine) => `/usr/lib/${machine}-linux-gnu/webkit2gtk-4.1/MiniBrowser`,
);

/** A driver now and then never answers its first command; another one does. */
const ATTEMPTS = 3;

interface Session {
  /** Of the browser, with its version. */
  name: string;
  tab: Tab;
}

/** Finds WebKitGTK and starts it once; a text says what is missing. */
export async function startWebKit(): Promise<Browser | string> {
  const driver = findProgram('WebKitWebDriver');
  const browser = findProgram(...MINI_BROWSERS);
  if (!driver || !browser)
    return 'WebKitGTK is missing: apt-get install --no-install-recommends webkit2gtk-driver';
  const screen = await openScreen();
  if (typeof screen === 'string') return screen;
  const open = () => openSession(driver, browser, screen.display);
  try {
    const { name, tab } = await open();
    await tab.close();
    return { name, newVisitor: async () => (await open()).tab, close: screen.close };
  } catch (error) {
    await screen.close();
    throw error;
  }
}

/** A driver and a browser of its own: an automated one keeps nothing. */
async function openSession(driver: string, binary: string, display: string, attempt = 1): Promise<Session> {
  const home = mkdtempSync(join(tmpdir(), 'calltrk-webkit-'));
  const port = await freePort();
  const child = spawn(driver, [`--port=${port}`], {
    stdio: 'ignore',
    env: { ...process.env, DISPLAY: display, HOME: home, XDG_RUNTIME_DIR: home, LIBGL_ALWAYS_SOFTWARE: '1' },
  });
  const gone = exitOf(child);
  const end = async () => {
    child.kill();
    await gone;
    rmSync(home, { recursive: true, force: true });
  };
  const url = `http://127.0.0.1:${port}`;
  try {
    await until(async () => ((await call(url, 'GET', '/status')).ready ? true : undefined), {
      what: 'WebKitWebDriver',
    });
    const { sessionId, capabilities } = await call(url, 'POST', '/session', {
      capabilities: { alwaysMatch: { 'webkitgtk:browserOptions': { binary, args: ['--automation'] } } },
    });
    const session = `${url}/session/${sessionId}`;
    return {
      name: `WebKitGTK ${capabilities.browserVersion} (${capabilities.browserName})`,
      tab: tabOf(session, async () => {
        await call(session, 'DELETE', '').catch(() => undefined);
        await end();
      }),
    };
  } catch (error) {
    await end();
    if (attempt === ATTEMPTS) throw error;
    return openSession(driver, binary, display, attempt + 1);
  }
}

function tabOf(session: string, close: () => Promise<void>): Tab {
  const post = (path: string, body: object) => call(session, 'POST', path, body);
  return {
    close,
    async goto(url) {
      await post('/url', { url });
    },
    async ask(expression) {
      const script = `const done = arguments[0]; ${asJson(expression)}.then(done)`;
      return fromJson(await post('/execute/async', { script, args: [] }));
    },
    async click(selector) {
      const element = await post('/element', { using: 'css selector', value: selector });
      await post(`/element/${element[ELEMENT]}/click`, {});
    },
  };
}

async function call(url: string, method: string, path: string, body?: object): Promise<any> {
  const response = await fetch(url + path, {
    method,
    ...(body && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(COMMAND_MS),
  });
  const { value } = (await response.json()) as { value: any };
  if (!response.ok) throw new Error(`${path}: ${value?.error} ${value?.message}`);
  return value;
}

/** The display there is, or one of Xvfb's. */
async function openScreen(): Promise<{ display: string; close(): Promise<void> } | string> {
  const { DISPLAY } = process.env;
  if (DISPLAY) return { display: DISPLAY, close: async () => undefined };
  const program = findProgram('Xvfb');
  if (!program) return 'There is no screen: apt-get install --no-install-recommends xvfb';
  const child = spawn(program, ['-displayfd', '3', '-screen', '0', '1280x900x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  const gone = exitOf(child);
  // It takes a free number itself, and says which.
  let said = '';
  child.stdio[3]?.on('data', (chunk) => {
    said += chunk;
  });
  const number = await until(() => /^(\d+)\n/.exec(said)?.[1], { what: 'Xvfb' });
  await until(() => existsSync(`/tmp/.X11-unix/X${number}`) || undefined, { what: 'the screen of Xvfb' });
  return {
    display: `:${number}`,
    async close() {
      child.kill();
      await gone;
    },
  };
}

/**
 * `npm run simulate-call`: places a pretend call to a number of the demo company, by the same signed webhooks that
 * Twilio would send, and shows what the reporting API then says of it. `-- --help` lists what can be chosen.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ANSWERS, simulateCall } from '../server/telephony/simulator.js';

const HELP = `npm run simulate-call -- [--to +13055550110] [--from +14155550123] …
  --to          a tracking number of the demo company (555-01xx); only those may be called
  --from        the caller; another one each time if left out
  --answer      ${ANSWERS.join(', ')}
  --seconds     how long they talk, or the message is
  --url         where the server listens (http://localhost:3000)
  --public-url  its PUBLIC_URL, if one is set
DATA_DIR says where the simulator's token is (./.data).`;

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}

function readOptions() {
  try {
    return parseArgs({
      options: {
        to: { type: 'string', default: '+13055550110' },
        from: { type: 'string', default: randomCaller() },
        answer: { type: 'string', default: 'answered' },
        seconds: { type: 'string', default: '42' },
        url: { type: 'string', default: `http://localhost:${process.env.PORT || 3000}` },
        'public-url': { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    fail(`${(error as Error).message}\n\n${HELP}`);
  }
}

/** A fictitious number: a caller who is known already would be joined by that. */
function randomCaller(): string {
  return `+1415555${String(100 + Math.floor(Math.random() * 100)).padStart(4, '0')}`;
}

const options = readOptions();
if (options.help) {
  console.log(HELP);
  process.exit(0);
}
const dataDir = resolve(process.env.DATA_DIR || './.data');
const tokenFile = join(dataDir, 'simulator-token');
if (!existsSync(tokenFile)) {
  fail(
    `${tokenFile} is not there. Start the server first (npm start), without TWILIO_AUTH_TOKEN, and with the same DATA_DIR.`,
  );
}
const { to, from } = options;
const answer = ANSWERS.find((one) => one === options.answer);
if (!answer) fail(`--answer must be one of ${ANSWERS.join(', ')}`);
if (!/^\d{1,5}$/.test(options.seconds)) fail('--seconds must be a number of seconds');
for (const [name, value] of Object.entries({ to, from })) {
  if (!/^\+[1-9]\d{6,14}$/.test(value)) fail(`--${name} must be a number as +13055550110`);
}

const baseUrl = options.url.replace(/\/+$/, '');
try {
  await simulateCall({
    baseUrl,
    publicUrl: options['public-url']?.replace(/\/+$/, '') ?? process.env.PUBLIC_URL ?? baseUrl,
    token: readFileSync(tokenFile, 'utf8').trim(),
    from,
    to,
    answer,
    talkSeconds: Number(options.seconds),
    log: (line) => console.log(line),
  });
} catch (error) {
  fail(`The call failed: ${inWords(error)}${hintFor(error as Error)}`);
}
try {
  await showReport();
} catch (error) {
  fail(
    `The call was placed, but its report could not be read: ${inWords(error)}. The key comes from CALLTRK_API_KEY, or ` +
      `else from ${join(dataDir, 'api-key')}.`,
  );
}

/** What to do, where the answer does not say it. */
function hintFor({ message }: Error): string {
  if (/answered 403: .*signature/s.test(message)) {
    return (
      '. If the server was started with a PUBLIC_URL, --public-url (or PUBLIC_URL) must say the same here; and ' +
      'DATA_DIR must be the same as the server has.'
    );
  }
  if (/answered \d/.test(message)) return '';
  return `. Does a server run at ${baseUrl} (npm start)? --url says where it is.`;
}

function inWords(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}

/** The call as a marketer would read it. */
async function showReport(): Promise<void> {
  const keyFile = join(dataDir, 'api-key');
  const key =
    process.env.CALLTRK_API_KEY || (existsSync(keyFile) ? readFileSync(keyFile, 'utf8').trim() : '');
  const ask = async (path: string) => {
    const response = await fetch(baseUrl + path, { headers: { authorization: `Token token="${key}"` } });
    if (!response.ok)
      throw new Error(`${path.split('?')[0]} answered ${response.status}: ${await response.text()}`);
    return response.json();
  };
  const { accounts } = (await ask('/v3/a.json')) as { accounts: { id: string }[] };
  const fields = 'source,landing_page_url,campaign,call_type,attribution';
  const search = encodeURIComponent(from);
  const { calls } = (await ask(`/v3/a/${accounts[0]?.id}/calls.json?search=${search}&fields=${fields}`)) as {
    calls: object[];
  };
  console.log(JSON.stringify(calls[0], null, 2));
}

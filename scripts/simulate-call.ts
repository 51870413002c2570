/**
 * `npm run simulate-call`: places a pretend call to a number of the demo company, by the same signed webhooks that
 * Twilio would send. `npm run simulate-call -- --help` lists what can be chosen.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { simulateCall } from '../server/telephony/simulator.js';

const { values } = parseArgs({
  options: {
    to: { type: 'string', default: '+13055550110' },
    from: { type: 'string', default: '+14155550123' },
    answer: { type: 'string', default: 'answered' },
    seconds: { type: 'string', default: '42' },
    url: { type: 'string', default: `http://localhost:${process.env.PORT || 3000}` },
    'public-url': { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

if (values.help) {
  console.log(`npm run simulate-call -- [--to +13055550110] [--from +14155550123]
  --to          a tracking number of the demo company (555-01xx)
  --from        the caller
  --answer      answered, no-answer or busy
  --seconds     how long they talk
  --url         where the server listens (http://localhost:3000)
  --public-url  its PUBLIC_URL, if one is set
DATA_DIR says where the simulator's token is (./.data).`);
  process.exit(0);
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}

const tokenFile = join(resolve(process.env.DATA_DIR || './.data'), 'simulator-token');
if (!existsSync(tokenFile)) {
  fail(
    `${tokenFile} is not there. Start the server first (npm start), without TWILIO_AUTH_TOKEN, and with the same DATA_DIR.`,
  );
}
const { answer } = values;
if (answer !== 'answered' && answer !== 'no-answer' && answer !== 'busy') {
  fail('--answer must be answered, no-answer or busy');
}
const baseUrl = values.url.replace(/\/+$/, '');
try {
  const { callSid } = await simulateCall({
    baseUrl,
    publicUrl: values['public-url']?.replace(/\/+$/, '') ?? process.env.PUBLIC_URL ?? baseUrl,
    token: readFileSync(tokenFile, 'utf8').trim(),
    from: values.from,
    to: values.to,
    answer,
    talkSeconds: Number(values.seconds),
    log: (line) => console.log(line),
  });
  console.log(`The call is recorded as ${callSid}; read it with the reporting API.`);
} catch (error) {
  const { message, cause } = error as Error;
  fail(`The call failed: ${cause instanceof Error ? `${message}: ${cause.message}` : message}`);
}

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { incoming, twilioWebhook } from '../../support/demo.js';
import { until } from '../../support/processes.js';
import {
  type RunningServer,
  removeDataDir,
  report,
  type ServerOptions,
  startServer,
  visitor,
} from '../../support/server.js';

const TOKEN = '0123456789abcdef0123456789abcdef';
const VOICE = '/v1/telephony/twilio/voice';
const STATUS = '/v1/telephony/twilio/status';
const dialPath = (number: string) => `/v1/telephony/twilio/dial?number=${encodeURIComponent(number)}`;

type Json = Record<string, any>;
interface Shop {
  id: string;
  scriptPath: string;
  scriptKey: string;
}

/** What happens to callers and visitors when a number goes from a tracker, or its tracker or company goes. */
describe('a number that its tracker has lost', () => {
  let server: RunningServer;
  const start = async (more: ServerOptions = {}) => {
    server = await startServer({ env: { TWILIO_AUTH_TOKEN: TOKEN }, ...more });
  };
  beforeAll(() => start());
  afterAll(async () => {
    await server.end();
    removeDataDir(server.dataDir);
  });

  let last = 1000;
  /** A number that no test has used before. */
  const fresh = () => `+1305777${last++}`;

  async function write(method: string, path: string, body?: Json): Promise<any> {
    const response = await fetch(`${server.url}/v3/a/${server.account}/${path}.json`, {
      method,
      headers: { authorization: `Token token="${server.key}"` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }
  async function createShop(): Promise<Shop> {
    const { id, script_url } = await write('POST', 'companies', {
      name: 'Shop',
      external_form_capture: true,
    });
    const scriptPath = script_url.replace(/^\/\/[^/]+/, '');
    return { id, scriptPath, scriptKey: scriptPath.split('/')[3] };
  }
  const create = (shop: Shop, body: Json) =>
    write('POST', 'trackers', { name: 'Some', company_id: shop.id, ...body });
  const flow = (destination_number: string) => ({ call_flow: { type: 'basic', destination_number } });
  const createPool = (shop: Shop, line: string, tracking_numbers: string[]) =>
    create(shop, { name: 'Pool', type: 'session', source: 'all', tracking_numbers, ...flow(line) });
  const createFlyer = (shop: Shop, line: string, tracking_number: string, more: Json = {}) =>
    create(shop, { type: 'source', source: { type: 'offline' }, tracking_number, ...flow(line), ...more });

  const newVisitor = (shop: Shop) => visitor(server, shop.scriptKey);
  type Visitor = ReturnType<typeof newVisitor>;
  const shown = async (someone: Visitor, target: string, more: object = {}): Promise<string | null> =>
    (await someone.swap({ targets: [target], ...more })).body.numbers[target]?.e164 ?? null;
  /** What the company's script is told: the JSON that the server wrote into it. */
  async function scriptConfig({ scriptPath }: Shop): Promise<Json> {
    const script = await (await fetch(server.url + scriptPath)).text();
    const start = script.indexOf('{"key":');
    for (let end = script.indexOf('}', start); end > 0; end = script.indexOf('}', end + 1)) {
      try {
        return JSON.parse(script.slice(start, end + 1));
      } catch {
        // Not the last brace yet.
      }
    }
    throw new Error('there is no configuration in the script');
  }

  const webhook = (path: string, parameters: Record<string, string>) =>
    twilioWebhook(server, path, parameters, { token: TOKEN });
  let callers = 1000;
  /** Somebody calls the number: what is answered, and the reports that are still to come. */
  async function ring(number: string, From = `+1415555${callers++}`) {
    const call = incoming(number, { From });
    const { text } = await webhook(VOICE, call);
    return {
      rings: />(\+\d+)<\/Number>/.exec(text)?.[1] ?? null,
      async hangUp() {
        const talk = { DialCallStatus: 'completed', DialCallDuration: '42' };
        await webhook(dialPath(number), { ...call, CallStatus: 'in-progress', ...talk });
        await webhook(STATUS, { ...call, CallStatus: 'completed', CallDuration: '50' });
      },
      /** The call in the report, once all is in it: a slow record is told later. */
      async rows(): Promise<Json[]> {
        const fields = 'fields=tracker_id,company_id,source_name,attribution,session_uuid,source';
        return until(
          async () => {
            const { calls } = await report(server, `calls.json?${fields}&search=${encodeURIComponent(From)}`);
            return calls.some((row: Json) => row.duration === 42) ? calls : undefined;
          },
          { what: 'the call in the report' },
        );
      },
    };
  }
  /** A whole call, and its one row. */
  async function call(number: string) {
    const ringing = await ring(number);
    await ringing.hangUp();
    const rows = await ringing.rows();
    expect(rows).toHaveLength(1);
    return { rings: ringing.rings, row: rows[0] as Json };
  }

  test('by a shorter pool: it rings through, is joined to who saw it, and is shown no more', async () => {
    const shop = await createShop();
    const [line, gone, stays] = [fresh(), fresh(), fresh()];
    const pool = await createPool(shop, line, [gone]);
    const someone = newVisitor(shop);
    expect(await shown(someone, line)).toBe(gone);

    await write('PUT', `trackers/${pool.id}`, { tracking_numbers: [stays] });
    const early = await call(gone);
    expect(early.rings).toBe(line);
    expect(early.row).toMatchObject({
      tracker_id: pool.id,
      answered: true,
      duration: 42,
      tracking_phone_number: gone,
      attribution: { method: 'sole_holder', session: someone.session },
    });

    // A sign of life keeps nothing that is gone; the next page view brings another number.
    await someone.send({ type: 'ping' });
    expect(await shown(someone, line)).toBe(stays);
    for (let i = 0; i < 5; i += 1) expect(await shown(newVisitor(shop), line)).toBe(stays);
    const late = await call(gone);
    expect([late.rings, late.row.tracker_id]).toEqual([line, pool.id]);
    expect(late.row.attribution).toMatchObject({ method: 'last_holder', session: someone.session });
  });

  test('and has again is shown again', async () => {
    const shop = await createShop();
    const [line, number, other] = [fresh(), fresh(), fresh()];
    const pool = await createPool(shop, line, [number]);
    const someone = newVisitor(shop);
    await shown(someone, line);
    for (const numbers of [[other], [number]]) {
      await write('PUT', `trackers/${pool.id}`, { tracking_numbers: numbers });
      expect(await shown(someone, line)).toBe(numbers[0]);
      expect(await shown(newVisitor(shop), line)).toBe(numbers[0]);
    }
    expect((await call(number)).row.tracker_id).toBe(pool.id);
  });

  test('by another one in its place: it rings where its tracker’s calls go now', async () => {
    const shop = await createShop();
    const [line, moved, gone, now] = [fresh(), fresh(), fresh(), fresh()];
    const source = { type: 'landing_params', landing: 'promo=summer' };
    const flyer = await createFlyer(shop, line, gone, { name: 'Summer', source });
    const visit = { landing: 'https://shop.example/?promo=summer', referrer: 'direct' };
    const before = await scriptConfig(shop);
    expect(await shown(newVisitor(shop), line, { visit })).toBe(gone);

    await write('PUT', `trackers/${flyer.id}`, { tracking_number: now });
    expect(await shown(newVisitor(shop), line, { visit })).toBe(now);
    const config = await scriptConfig(shop);
    expect(config.version).not.toBe(before.version);
    expect(JSON.stringify(config)).not.toContain(gone);
    expect(config.sources[0].number.e164).toBe(now);
    expect((await call(gone)).rings).toBe(line);

    await write('PUT', `trackers/${flyer.id}`, flow(moved));
    const { rings, row } = await call(gone);
    expect(rings).toBe(moved);
    expect(row).toMatchObject({ tracker_id: flyer.id, source: 'Summer', attribution: { method: 'tracker' } });
    expect((await call(now)).rings).toBe(moved);
  });

  test('as the tracker is disabled: it rings through, and the visitor who had it has it no more', async () => {
    const shop = await createShop();
    const [line, number] = [fresh(), fresh()];
    const pool = await createPool(shop, line, [number]);
    const someone = newVisitor(shop);
    expect(await shown(someone, line)).toBe(number);
    await write('DELETE', `trackers/${pool.id}`);
    const { rings, row } = await call(number);
    expect(rings).toBe(line);
    expect(row).toMatchObject({
      tracker_id: pool.id,
      source_name: 'Pool',
      attribution: { method: 'sole_holder', session: someone.session },
    });
    expect(await shown(someone, line)).toBeNull();
    expect(await shown(newVisitor(shop), line)).toBeNull();
    expect(await scriptConfig(shop)).toMatchObject({ targets: [], pooled: [], sources: [] });
    const { calls } = await report(server, `calls.json?tracker_id=${pool.id}`);
    expect(calls).toHaveLength(1);
    // He keeps coming back, and does not see it: who calls it now has it from before.
    await someone.send({ type: 'ping' });
    expect((await call(number)).row.attribution).toMatchObject({
      method: 'last_holder',
      session: someone.session,
    });
    await write('PUT', `trackers/${pool.id}`, flow(fresh()));
    expect((await call(number)).rings).not.toBe(line);
  });

  test('as the company is disabled: its script does nothing, its events are refused, its calls are kept', async () => {
    const shop = await createShop();
    const [line, pooled, printed] = [fresh(), fresh(), fresh()];
    const pool = await createPool(shop, line, [pooled]);
    const flyer = await createFlyer(shop, line, printed, { source: { type: 'direct' } });
    const visit = { landing: 'https://shop.example/', referrer: 'https://www.example.org/' };
    const someone = newVisitor(shop);
    expect(await shown(someone, line, { visit })).toBe(pooled);
    expect(await scriptConfig(shop)).toMatchObject({ targets: [line], forms: true });

    await write('DELETE', `companies/${shop.id}`);
    expect(await scriptConfig(shop)).toMatchObject({ targets: [], pooled: [], sources: [], forms: false });
    expect(await shown(someone, line, { visit })).toBeNull();
    expect(await shown(newVisitor(shop), line)).toBeNull();
    const id = crypto.randomUUID();
    const form = { type: 'form', id, url: 'https://shop.example/', fields: { Name: 'Ada' } };
    const answer = await someone.send(form, { type: 'ping' });
    expect([answer.status, answer.body.accepted, answer.body.rejected.length]).toEqual([200, 0, 2]);
    expect(answer.body.rejected[0]).toEqual({ id, error: 'the company is disabled' });

    for (const [number, tracker] of [
      [pooled, pool],
      [printed, flyer],
    ]) {
      const { rings, row } = await call(number);
      expect(rings).toBe(line);
      expect(row).toMatchObject({ tracker_id: tracker.id, company_id: shop.id, answered: true });
    }
    const refused = createPool(shop, fresh(), [fresh()]);
    await expect(refused).rejects.toThrow(/400 .*company_id is a disabled company/);
    // The numbers are free for others.
    const other = await createShop();
    await createFlyer(other, fresh(), printed);
    expect((await call(printed)).row.company_id).toBe(other.id);
  });

  test('to another tracker of the company: each call belongs to the tracker that had it when it rang', async () => {
    const shop = await createShop();
    const [line, elsewhere, number, other] = [fresh(), fresh(), fresh(), fresh()];
    const flyer = await createFlyer(shop, line, number, { name: 'Flyer', source: { type: 'offline' } });
    const pool = await createPool(shop, elsewhere, [other]);
    const before = await ring(number);
    expect(before.rings).toBe(line);

    await write('PUT', `trackers/${flyer.id}`, { tracking_number: fresh() });
    await write('PUT', `trackers/${pool.id}`, { tracking_numbers: [number, other] });
    await before.hangUp();
    const rows = await before.rows();
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({
      tracker_id: flyer.id,
      source_name: 'Flyer',
      duration: 42,
      attribution: { method: 'tracker' },
    });

    const visitors = [newVisitor(shop), newVisitor(shop)];
    const numbers = await Promise.all(visitors.map((someone) => shown(someone, elsewhere)));
    const holder = visitors[numbers.indexOf(number)];
    const after = await call(number);
    expect(after.rings).toBe(elsewhere);
    expect(after.row).toMatchObject({
      tracker_id: pool.id,
      attribution: { method: 'sole_holder', session: holder?.session },
    });
  });

  test('to a tracker of another company: a call that was going on stays one call of the first', async () => {
    const [first, second] = [await createShop(), await createShop()];
    const [line, elsewhere, number] = [fresh(), fresh(), fresh()];
    const flyer = await createFlyer(first, line, number, { name: 'First' });
    const before = await ring(number);
    expect(before.rings).toBe(line);

    await write('DELETE', `trackers/${flyer.id}`);
    const theirs = await createFlyer(second, elsewhere, number, { name: 'Second' });
    await before.hangUp();
    const rows = await before.rows();
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({
      company_id: first.id,
      tracker_id: flyer.id,
      answered: true,
      duration: 42,
    });

    const after = await call(number);
    expect(after.rings).toBe(elsewhere);
    expect(after.row).toMatchObject({ company_id: second.id, tracker_id: theirs.id });
  });

  test('rings through after a restart, too, and belongs to its last tracker', async () => {
    const shop = await createShop();
    const [line, gone, stays] = [fresh(), fresh(), fresh()];
    const pool = await createPool(shop, line, [gone, stays]);
    const someone = newVisitor(shop);
    const [number] = [await shown(someone, line)];
    const kept = number === gone ? stays : gone;
    await write('PUT', `trackers/${pool.id}`, { tracking_numbers: [kept] });

    const { dataDir } = server;
    await server.end();
    await start({ dataDir });
    const { rings, row } = await call(number ?? '');
    expect(rings).toBe(line);
    expect(row).toMatchObject({
      tracker_id: pool.id,
      attribution: { method: 'sole_holder', session: someone.session },
    });
    expect(await shown(visitor(server, shop.scriptKey, someone.session), line)).toBe(kept);
  });
});

import { describe, expect, test } from 'vitest';
import { indexDirectory } from '../../server/domain/directory.js';
import { spell } from '../../server/domain/phone-numbers.js';
import type { Company, Tracker } from '../../server/domain/ports.js';
import { explainSwap } from '../../server/domain/swap-explanation.js';
import { aCompany, aTracker } from '../support/directory.js';

const TARGET = '+13055550100';
const POOL_NUMBER = { ...spell('+13055550110'), shared: false };
const HOME = { landing: 'https://www.example.com/', referrer: 'direct' };

const COMPANY = aCompany();

const tracker = (more: Partial<Tracker> = {}) =>
  aTracker({ name: 'Name that nobody else should read', ...more });

type Swap = Parameters<typeof explainSwap>[0];

function explain(trackers: Tracker[], more: Partial<Swap> = {}, company: Partial<Company> = {}): string[] {
  const ours = { ...COMPANY, ...company };
  const lookup = indexDirectory({ version: '1', companies: [ours], trackers });
  const { version } = lookup.scriptConfig(ours);
  const swap = { lookup, company: ours, pageVersion: version, mayOpen: true, numbers: {} };
  return explainSwap({ ...swap, visit: { ...HOME, first: HOME }, ...more }).split('\n');
}

const DIRECT =
  'The session came from Direct (direct): there is neither a campaign click nor a referrer of another site.';

describe('why a page shows what it does', () => {
  test('a pool gave a number, alone or shared', () => {
    const shows = `${TARGET} becomes +13055550110, by the pool TRK1 for every visitor`;
    expect(explain([tracker()], { numbers: { [TARGET]: POOL_NUMBER } })).toEqual([DIRECT, `${shows}.`]);
    const shared = { [TARGET]: { ...POOL_NUMBER, shared: true } };
    expect(explain([tracker()], { numbers: shared })).toContain(
      `${shows}, which others see, too, as too few were free.`,
    );
  });

  test('a pool gave none: the address, the policy, or the leases', () => {
    const none = { numbers: { [TARGET]: null } };
    const [, away] = explain([tracker()], none);
    expect(away).toBe(
      `${TARGET} stays as it is: the pool TRK1 for every visitor gave no number, as the leases cannot be asked just now.`,
    );
    expect(explain([tracker({ whenFull: 'keep' })], none)[1]).toContain('does not share them, or the leases');
    expect(explain([tracker()], { ...none, mayOpen: false })[1]).toContain(
      'gave no number, as the address of this visitor',
    );
  });

  test('the page did not ask a pool', () => {
    expect(explain([tracker()])[1]).toBe(
      `${TARGET} is for the pool TRK1 for every visitor, which was not asked for it now.`,
    );
  });

  test('a source tracker by the first visit, whatever this one came from', () => {
    const yelp = { type: 'web_referrer', referrer: 'yelp.com' };
    const trackers = [
      tracker(),
      tracker({ trackerId: 'TRK2', type: 'source', source: yelp, numbers: ['+13055550120'] }),
    ];
    const first = { landing: HOME.landing, referrer: 'https://www.yelp.com/biz/x' };
    expect(
      explain(trackers, { visit: { landing: `${HOME.landing}?gclid=a`, referrer: 'direct', first } }),
    ).toEqual([
      'The session came from Yelp Organic (yelp_organic): the referrer is yelp.com, which is Yelp.',
      'This visit of it came from Google Ads (google_paid): the landing page has gclid, which an advertisement of ' +
        'Google gives, and was paid for.',
      `${TARGET} becomes +13055550120, by the source tracker TRK2 for visitors whose referrer is yelp.com.`,
    ]);
  });

  test('no tracker is for such a visitor, or there is none', () => {
    expect(explain([tracker({ source: { google: ['paid'] } })])[1]).toBe(
      `${TARGET} stays as it is: no tracker that replaces it is for such a visitor.`,
    );
    expect(explain([])).toEqual([DIRECT, 'No active tracker replaces any number.']);
  });

  test('a crawler, a disabled company, a script that is behind', () => {
    expect(explain([tracker()], { visit: null })).toEqual([expect.stringMatching(/^Taken for a crawler/)]);
    expect(explain([tracker()], { visit: null }, { active: false })).toEqual([
      'The company is disabled: every number stays as it is.',
    ]);
    expect(explain([tracker()], { pageVersion: 'old' })[0]).toMatch(
      /^This page's script has older settings \(old\) than there are \([0-9a-f]{8}\)/,
    );
  });

  test('no name of a tracker, and no address of a page', () => {
    const visit = { landing: 'https://www.example.com/secret', referrer: 'direct', first: HOME };
    const said = explain([tracker()], { visit, numbers: { [TARGET]: POOL_NUMBER } }).join(' ');
    expect(said).not.toMatch(/Name that|secret/);
  });

  test('no more lines than a page can ask for', () => {
    const swapTargets = Array.from({ length: 150 }, (_, n) => `+1305555${1000 + n}`);
    expect(explain([tracker({ swapTargets })])).toHaveLength(101);
  });
});

/** A company and a tracker as the directory has them, for tests of the rules. */
import type { Company, Tracker } from '../../server/domain/ports.js';

export function aCompany(more: Partial<Company> = {}): Company {
  return {
    accountId: 'ACC1',
    companyId: 'COM1',
    numericId: '123456789',
    scriptKey: 'k'.repeat(20),
    name: 'Widget Shop',
    timeZone: 'UTC',
    active: true,
    demo: false,
    cookieDays: 180,
    captureForms: false,
    paidClicksBegin: false,
    landingBegins: null,
    script: {},
    ...more,
  };
}

/** A pool of one number, held for twenty minutes, in place of +13055550100. */
export function aTracker(more: Partial<Tracker> = {}): Tracker {
  return {
    companyId: 'COM1',
    trackerId: 'TRK1',
    name: 'Website pool',
    type: 'session',
    active: true,
    destinationNumber: '+13055550100',
    swapTargets: ['+13055550100'],
    textTargets: {},
    source: { type: 'all' },
    whisperMessage: null,
    greeting: null,
    greetingRecordingUrl: null,
    holdSeconds: 1200,
    numbers: ['+13055550110'],
    retiredNumbers: [],
    lanes: [],
    laneKey: 'campaign',
    whenFull: 'share',
    staticNumber: null,
    thresholds: { visit: 0.5, source: 0.5 },
    ...more,
  };
}

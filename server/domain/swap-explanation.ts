/**
 * Why a page shows what it does, for the owner of a site who asks for it: lines to read. Anybody can ask, so they hold
 * no name and no address of a page: only what the script tells anyway, what this session's source was judged by, and the
 * id and the rule of the tracker that decided.
 */
import type { SourceRule, SwapResponse } from '../../shared/contract/visitor.js';
import { explainSource } from '../../shared/source.js';
import { explainPool, explainRule } from '../../shared/source-rules.js';
import type { Lookup } from './directory.js';
import type { Company, CurrentVisit, PhoneNumber, Tracker } from './ports.js';

export interface ExplainedSwap {
  lookup: Lookup;
  company: Company;
  /** The version of the configuration that the page's script has. */
  pageVersion: string;
  /** Null: taken for a crawler. */
  visit: Pick<CurrentVisit, 'first' | 'landing' | 'referrer'> | null;
  /** What was answered, for the targets that the page asked for. */
  numbers: SwapResponse['numbers'];
  /** Whether the visitor's address may take a further number. */
  mayOpen: boolean;
}

/** A request asks for no more targets, either. */
const MAX_TARGETS = 100;

/** Says who decided about each number of the site, by which rule, and why one stays as it is. */
export function explainSwap(swap: ExplainedSwap): string {
  const { lookup, company, pageVersion, visit } = swap;
  const { version, targets } = lookup.scriptConfig(company);
  const lines: string[] = [];
  if (pageVersion !== version) {
    lines.push(
      `This page's script has older settings (${pageVersion}) than there are (${version}): browsers keep it for five minutes.`,
    );
  }
  if (!company.active) {
    lines.push('The company is disabled: every number stays as it is.');
  } else if (!visit) {
    lines.push(
      'Taken for a crawler, or for a page that is loaded in advance: no pool gives a number, and nothing is kept. ' +
        'Only the numbers of source trackers are shown.',
    );
  } else {
    lines.push(`The session came from ${sayOrigin(visit.first)}.`);
    const now = sayOrigin(visit);
    if (now !== sayOrigin(visit.first)) lines.push(`This visit of it came from ${now}.`);
    if (targets.length === 0) lines.push('No active tracker replaces any number.');
    for (const target of targets.slice(0, MAX_TARGETS)) {
      lines.push(`${target} ${sayTarget(target, swap, visit)}.`);
    }
  }
  return lines.join('\n');
}

function sayOrigin({ landing, referrer }: { landing: string; referrer: string }): string {
  const { name, source, because } = explainSource({ landing, referrer });
  return `${name} (${source}): ${because}`;
}

function sayTarget(
  target: PhoneNumber,
  { lookup, company, numbers, mayOpen }: ExplainedSwap,
  { first }: Pick<CurrentVisit, 'first'>,
): string {
  const tracker = lookup.trackerFor(company.companyId, target, first);
  if (!tracker) return 'stays as it is: no tracker that replaces it is for such a visitor';
  if (tracker.type === 'source') {
    const rule = explainRule(tracker.source as unknown as SourceRule);
    return `becomes ${tracker.numbers[0]}, by the source tracker ${tracker.trackerId} for ${rule}`;
  }
  const pool = `the pool ${tracker.trackerId} for ${explainPool(tracker.source)}`;
  const number = numbers[target];
  if (number === undefined) return `is for ${pool}, which was not asked for it now`;
  if (number === null) return `stays as it is: ${pool} gave no number, as ${sayNone(tracker, mayOpen)}`;
  const shared = number.shared ? ', which others see, too, as too few were free' : '';
  return `becomes ${number.e164}, by ${pool}${shared}`;
}

function sayNone({ whenFull }: Tracker, mayOpen: boolean): string {
  if (!mayOpen) return 'the address of this visitor has had its share of new ones for this minute';
  const away = 'the leases cannot be asked just now';
  return whenFull === 'keep' ? `all that he may have are held and it does not share them, or ${away}` : away;
}

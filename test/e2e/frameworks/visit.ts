/** A visitor on a page of the frameworks, and what he sees there. */
import type { BrowserContext, Page, Response } from 'playwright-core';

declare global {
  interface Window {
    /** What each page has for the tests, see `apps/model.js`. */
    page?: {
      change(patch: object): Promise<void>;
      walk(steps: number, seed: number): Promise<void>;
    };
    hydratedAt?: number;
    /** Put there by `openPage`. */
    sight: Sight;
  }
}

interface Sight {
  /** Each place of the number: what the site says there, and what it shows now. */
  places(): { site: string; now: string | null }[];
  /** The last four digits that every place shows alike, in the site's spelling; undefined while one does not. */
  digits(): string | undefined;
  /** When a frame showed a tracking number in every place for the first time. */
  rightAt?: number;
  /** From hydration until then, in which a frame counts for FRAME_MS at most: not what the machine did otherwise. */
  waitedMs: number;
  /** After that and after hydration: how long some place did not, counted likewise. */
  lostMs: number;
}

/** Places of the number on the page as it begins: banner, heading, text, fax, link and its address, four desks. */
const PLACES = 14;
/** Where a browser shows fewer than twenty frames a second, the machine has other things to do. */
const FRAME_MS = 50;

/** How long a slow machine gets for what happens at once on any other. */
export const PATIENCE_MS = 10_000;
/** For a test of several pages, each with that. */
export const SLOWLY = { timeout: 180_000 };

export interface Visited {
  page: Page;
  /** Errors and warnings in the console, and what was thrown. */
  troubles: string[];
  /** The last four digits of the number that the server gave; waits for its answer. */
  given(): Promise<string | undefined>;
}

export async function openPage(context: BrowserContext, address: string): Promise<Visited> {
  const page = await context.newPage();
  const troubles: string[] = [];
  page.on('pageerror', (error) => troubles.push(`thrown: ${error.message}`));
  page.on('console', (message) => {
    const isTrouble = message.type() === 'error' || message.type() === 'warning';
    if (isTrouble && !message.text().startsWith('Failed to load resource')) troubles.push(message.text());
  });
  const answered = page
    .waitForResponse(async (response) => numberIn(response).then(Boolean), { timeout: PATIENCE_MS })
    .then(numberIn)
    .catch(() => undefined);
  await page.addInitScript(keepLooking, [PLACES, FRAME_MS] as const);
  await page.goto(address, { waitUntil: 'commit' });
  return { page, troubles, given: () => answered };
}

async function numberIn(response: Response): Promise<string | undefined> {
  if (!response.url().endsWith('/v1/swap')) return undefined;
  const answer: { numbers?: Record<string, { e164: string } | null> } = await response.json();
  return answer.numbers?.['+13055550100']?.e164.slice(-4);
}

/** Does this for each, three at a time: pages mostly wait. */
export async function eachOf<T, R>(
  list: readonly T[],
  act: (item: T, place: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const entries = list.entries();
  const work = async () => {
    for (const [place, item] of entries) results[place] = await act(item, place);
  };
  await Promise.all([work(), work(), work()]);
  return results;
}

/** Runs in the page. */
function keepLooking([least, frameMs]: readonly [number, number]): void {
  const sight: Sight = {
    places() {
      const found: { site: string; now: string | null }[] = [];
      const look = (root: ParentNode) => {
        for (const element of root.querySelectorAll('*')) {
          if (element.shadowRoot) look(element.shadowRoot);
          const site = element.getAttribute('data-number');
          if (site !== null) found.push({ site, now: element.textContent });
          const href = element.getAttribute('href');
          if (href?.startsWith('tel:')) found.push({ site: 'tel:+13055550100', now: href });
        }
      };
      look(document);
      return found;
    },
    digits() {
      const places = sight.places();
      const digits = /\d{4}(?=\D*$)/.exec(places[0]?.now ?? '')?.[0];
      if (places.length < least || !digits || digits === '0100') return undefined;
      return places.every(({ site, now }) => now === site.replace('0100', digits)) ? digits : undefined;
    },
    waitedMs: 0,
    lostMs: 0,
  };
  window.sight = sight;
  let last = performance.now();
  const everyFrame = () => {
    requestAnimationFrame(everyFrame);
    const took = performance.now() - last;
    last += took;
    if (!sight.rightAt && window.hydratedAt) sight.waitedMs += Math.min(took, frameMs);
    const isRight = sight.digits() !== undefined;
    if (isRight) sight.rightAt ??= performance.now();
    else if (sight.rightAt && window.hydratedAt && window.hydratedAt < performance.now())
      sight.lostMs += Math.min(took, frameMs);
  };
  requestAnimationFrame(everyFrame);
}

import autocannon from 'autocannon';

const AGENT = 'Mozilla/5.0 (X11; Linux x64) AppleWebKit/537.36 Chrome/156.0 Safari/537.36';

export interface Load {
  /** Script keys and the number to be replaced: a request takes one after the other. */
  sites: readonly { key: string; target: string }[];
  connections?: number;
  /** Either so long, or so many requests. */
  seconds?: number;
  amount?: number;
  /** Page views of a session; the first one opens it. */
  views?: number;
}

/** What visitors' pages ask: one new session to four further page views. Throws when anything is refused. */
export async function load(url: string, options: Load): Promise<autocannon.Result> {
  const { sites, connections = 64, seconds, amount, views = 5 } = options;
  let session = '';
  let count = 0;
  const nextBody = () => {
    if (count++ % views === 0) session = crypto.randomUUID();
    const site = sites[Math.floor(count / views) % sites.length];
    return JSON.stringify({
      key: site?.key,
      session,
      visit: {
        landing: 'https://bluebird.example/?utm_source=google&utm_medium=cpc&gclid=abc',
        referrer: 'https://www.google.com/',
      },
      page: {
        id: crypto.randomUUID(),
        url: `https://bluebird.example/page-${count}`,
        title: 'Bluebird Plumbing',
      },
      targets: [site?.target],
    });
  };
  const result = await autocannon({
    url: `${url}/v1/swap`,
    connections,
    ...(amount === undefined ? { duration: seconds ?? 4 } : { amount }),
    method: 'POST',
    headers: { 'content-type': 'text/plain', 'user-agent': AGENT },
    requests: [{ setupRequest: (request) => ({ ...request, body: nextBody() }) }],
  });
  const failed = result.non2xx + result.errors;
  if (failed > 0) throw new Error(`${url}: ${result.non2xx} refused, ${result.errors} errors`);
  return result;
}

/** Median, least and most, to three digits. */
export function spread(values: readonly number[]): { median: number; min: number; max: number } {
  const sorted = values.toSorted((a, b) => a - b);
  const tidy = (value = 0) => Number(value.toPrecision(3));
  return {
    median: tidy(sorted[Math.floor(sorted.length / 2)]),
    min: tidy(sorted[0]),
    max: tidy(sorted.at(-1)),
  };
}

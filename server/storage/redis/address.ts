/** Where Redis is, and how to get in. */
export interface RedisAddress {
  /** One server, or some nodes of a cluster, from which the others are learnt. */
  nodes: { host: string; port: number }[];
  isCluster: boolean;
  tls: boolean;
  username: string | undefined;
  password: string | undefined;
  db: number;
}

/**
 * Reads `redis://[user:password@]host[:port][/db]` (`rediss://` with TLS) as one server, and a comma-separated list of
 * them as nodes of a Redis Cluster; after the first, `host:port` is enough. Undefined: it is none.
 */
export function parseRedisUrl(value: string): RedisAddress | undefined {
  const [first = '', ...others] = value
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean);
  const main = readUrl(first);
  if (!main) return undefined;
  const isCluster = value.includes(',');
  const rest = others.map((item) =>
    readUrl(item.includes('://') ? item : `${first.split('://')[0]}://${item}`),
  );
  if (isCluster && main.db !== 0) return undefined;
  const nodes = [main.node];
  for (const one of rest) {
    const isAlike = one?.tls === main.tls && one.db === 0;
    if (!isAlike || (one.username ?? main.username) !== main.username) return undefined;
    if ((one.password ?? main.password) !== main.password) return undefined;
    nodes.push(one.node);
  }
  const { tls, username, password, db } = main;
  return { nodes, isCluster, tls, username, password, db };
}

function readUrl(value: string) {
  if (!/^rediss?:\/\/\S+$/.test(value) || !URL.canParse(value)) return undefined;
  const url = new URL(value);
  const db = /^\/?(\d{0,5})$/.exec(url.pathname)?.[1];
  if (db === undefined || url.hostname === '' || url.search !== '' || url.hash !== '') return undefined;
  try {
    return {
      // An IPv6 address stands in brackets.
      node: { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 6379) },
      tls: url.protocol === 'rediss:',
      username: decodeURIComponent(url.username) || undefined,
      password: decodeURIComponent(url.password) || undefined,
      db: Number(db),
    };
  } catch {
    return undefined;
  }
}

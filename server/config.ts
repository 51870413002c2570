import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { parseRedisUrl, type RedisAddress } from './storage/redis/address.js';

/** Everything that can be set, read once at start. */
export interface Config {
  port: number;
  host: string;
  /** As given; undefined: it follows the bound port. */
  publicUrl: string | undefined;
  /** Addresses and networks of proxies whose X-Forwarded-* is believed. */
  trustProxy: string[];
  dataDir: string;
  databaseUrl: string | undefined;
  /** Undefined: leases are in the memory of this process. */
  redis: RedisAddress | undefined;
  apiKey: string | undefined;
  twilioAuthTokens: string[];
  logLevel: string;
}

/** A fault in the environment: the message lists every one, so that one start shows them all. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'];
const MIN_KEY_LENGTH = 32;

/**
 * Reads the environment. Pure. Throws one ConfigError that names every variable at fault and what to write instead, or
 * says that settings are no arguments.
 */
export function loadConfig(env: Record<string, string | undefined>, args: readonly string[] = []): Config {
  if (args.length > 0) {
    throw new ConfigError(
      `Settings come from the environment, not from arguments (${args.join(' ')}): PORT=4000 npm start, for example.`,
    );
  }
  const faults: string[] = [];
  const read = <T>(
    name: string,
    fallback: T,
    parse: (value: string) => T | undefined,
    expected: string,
  ): T => {
    const value = env[name]?.trim();
    if (value === undefined || value === '') return fallback;
    const parsed = parse(value);
    // A secret that is too short must not be printed; the others help to find the mistake.
    const shown = /KEY|TOKEN|URL/.test(name) ? '' : ` (it is ${JSON.stringify(value)})`;
    if (parsed === undefined) faults.push(`${name} must be ${expected}${shown}`);
    return parsed ?? fallback;
  };
  const list = (value: string) =>
    value
      .split(',')
      .map((item) => item.trim())
      .filter(Boolean);

  const config: Config = {
    port: read('PORT', 3000, parsePort, 'a port number, 0 to 65535 (0: any free one)'),
    host: read(
      'HOST',
      '127.0.0.1',
      (v) => (/^[\w.:-]+$/.test(v) ? v : undefined),
      'an address or host name to listen on',
    ),
    publicUrl: read(
      'PUBLIC_URL',
      undefined,
      parsePublicUrl,
      'an http(s) address without query, as https://calls.example.com',
    ),
    trustProxy: read(
      'TRUST_PROXY',
      [] as string[],
      (v) => (list(v).every(isNetwork) ? list(v) : undefined),
      'a comma-separated list of addresses or networks, as 127.0.0.1,10.0.0.0/8',
    ),
    dataDir: resolve(read('DATA_DIR', './.data', (v) => v, 'a folder')),
    databaseUrl: read(
      'DATABASE_URL',
      undefined,
      parseDatabaseUrl,
      'a Postgres address, as postgres://user:password@host:5432/calltrk (in a password % is %25, # is %23, / is %2F)',
    ),
    redis: read(
      'REDIS_URL',
      undefined,
      parseRedisUrl,
      'a Redis address, as redis://user:password@host:6379/0 (rediss:// with TLS), or several of one Redis Cluster with commas',
    ),
    apiKey: read(
      'CALLTRK_API_KEY',
      undefined,
      (v) => (v.length >= MIN_KEY_LENGTH && /^[\x21-\x7e]+$/.test(v) && !v.includes('"') ? v : undefined),
      `at least ${MIN_KEY_LENGTH} characters without spaces or quotes: openssl rand -hex 32`,
    ),
    twilioAuthTokens: read(
      'TWILIO_AUTH_TOKEN',
      [] as string[],
      (v) => (list(v).every((token) => token.length >= 16) && list(v).length > 0 ? list(v) : undefined),
      "your account's auth token, at least 16 characters (two, with a comma, while it is rotated)",
    ),
    logLevel: read(
      'LOG_LEVEL',
      'info',
      (v) => (LOG_LEVELS.includes(v) ? v : undefined),
      `one of ${LOG_LEVELS.join(', ')}`,
    ),
  };
  if (faults.length > 0) {
    throw new ConfigError(
      `The environment has ${faults.length} fault(s):\n${faults.map((f) => `  ${f}`).join('\n')}`,
    );
  }
  return config;
}

function parsePort(value: string): number | undefined {
  return /^\d{1,5}$/.test(value) && Number(value) <= 65_535 ? Number(value) : undefined;
}

function parsePublicUrl(value: string): string | undefined {
  if (!URL.canParse(value)) return undefined;
  const url = new URL(value);
  const plain = url.search === '' && url.hash === '' && url.username === '' && url.password === '';
  return /^https?:$/.test(url.protocol) && plain ? url.href.replace(/\/+$/, '') : undefined;
}

/** As pg reads it: a URL whose parts can be decoded. */
function parseDatabaseUrl(value: string): string | undefined {
  if (!/^postgres(ql)?:\/\/\S+$/.test(value) || !URL.canParse(value)) return undefined;
  try {
    decodeURIComponent(value);
    return value;
  } catch {
    return undefined;
  }
}

function isNetwork(value: string): boolean {
  const [address, bits, ...rest] = value.split('/');
  if (rest.length > 0 || (bits !== undefined && !/^\d{1,3}$/.test(bits))) return false;
  return ['loopback', 'linklocal', 'uniquelocal'].includes(value) || isIP(address ?? '') > 0;
}

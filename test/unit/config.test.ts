import { describe, expect, test } from 'vitest';
import { ConfigError, loadConfig } from '../../server/config.js';

const faultsOf = (env: Record<string, string>) => {
  try {
    loadConfig(env);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
  }
};

describe('the environment', () => {
  test('may be empty: everything has a default', () => {
    expect(loadConfig({})).toMatchObject({
      port: 3000,
      host: '127.0.0.1',
      publicUrl: undefined,
      trustProxy: [],
      databaseUrl: undefined,
      redis: undefined,
      apiKey: undefined,
      twilioAuthTokens: [],
      logLevel: 'info',
      dataDir: expect.stringMatching(/\/\.data$/),
    });
  });

  test('an empty variable is as good as none', () => {
    expect(loadConfig({ PORT: '', DATABASE_URL: ' ' })).toMatchObject({ port: 3000, databaseUrl: undefined });
  });

  test('lists are read, and PUBLIC_URL loses its last slash', () => {
    expect(
      loadConfig({
        TRUST_PROXY: '127.0.0.1, 10.0.0.0/8,loopback',
        TWILIO_AUTH_TOKEN: `${'a'.repeat(32)},${'b'.repeat(32)}`,
        PUBLIC_URL: 'https://calls.example.com/tracking/',
      }),
    ).toMatchObject({
      trustProxy: ['127.0.0.1', '10.0.0.0/8', 'loopback'],
      twilioAuthTokens: ['a'.repeat(32), 'b'.repeat(32)],
      publicUrl: 'https://calls.example.com/tracking',
    });
  });

  test.each([
    [
      'redis://127.0.0.1',
      { nodes: [{ host: '127.0.0.1', port: 6379 }], isCluster: false, tls: false, db: 0 },
    ],
    [
      'rediss://ada:p%40ss@redis.example:6380/3',
      {
        nodes: [{ host: 'redis.example', port: 6380 }],
        tls: true,
        username: 'ada',
        password: 'p@ss',
        db: 3,
      },
    ],
    [
      'redis://:secret@a:7000, b:7001,redis://[::1]:7002',
      {
        nodes: [
          { host: 'a', port: 7000 },
          { host: 'b', port: 7001 },
          { host: '::1', port: 7002 },
        ],
        isCluster: true,
        username: undefined,
        password: 'secret',
      },
    ],
    ['redis://a:7000,', { nodes: [{ host: 'a', port: 7000 }], isCluster: true }],
  ])('REDIS_URL=%s is read', (REDIS_URL, address) => {
    expect(loadConfig({ REDIS_URL }).redis).toMatchObject(address);
  });

  test.each([
    ['PORT', '70000'],
    ['PORT', 'http'],
    ['HOST', 'two words'],
    ['PUBLIC_URL', 'calls.example.com'],
    ['PUBLIC_URL', 'https://calls.example.com/?a=b'],
    ['TRUST_PROXY', 'everybody'],
    ['DATABASE_URL', 'mysql://x/y'],
    ['CALLTRK_API_KEY', 'short'],
    ['CALLTRK_API_KEY', `${'a'.repeat(40)} b`],
    ['TWILIO_AUTH_TOKEN', 'short'],
    ['TWILIO_AUTH_TOKEN', ','],
    ['LOG_LEVEL', 'loud'],
    ['REDIS_URL', '127.0.0.1:6379'],
    ['REDIS_URL', 'redis://127.0.0.1/zero'],
    ['REDIS_URL', 'redis://127.0.0.1/0?tls=yes'],
    ['REDIS_URL', 'redis://a:7000/1,redis://b:7000/1'],
    ['REDIS_URL', 'redis://a:7000,rediss://b:7000'],
    ['REDIS_URL', 'redis://:one@a:7000,redis://:two@b:7000'],
  ])('%s=%s is refused by name', (name, value) => {
    const faults = faultsOf({ [name]: value });
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(name);
  });

  test('every fault is in one message, and no secret is', () => {
    const faults = faultsOf({
      PORT: 'x',
      LOG_LEVEL: 'y',
      CALLTRK_API_KEY: 'my-secret-key',
      TWILIO_AUTH_TOKEN: 'my-token',
      REDIS_URL: 'redis://:my-password@host/x',
    });
    expect(faults).toHaveLength(5);
    expect(faults.join()).not.toMatch(/my-secret|my-token|my-password/);
  });
});

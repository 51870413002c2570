import { describe, expect, test } from 'vitest';
import { createBreaker } from '../../server/storage/redis/breaker.js';

describe('the breaker', () => {
  let now = 0;
  const breaker = createBreaker(() => now);
  const fail = () => Promise.reject(new Error('no answer'));
  const work = (log: string[], what: string) => async () => {
    log.push(what);
    return what;
  };

  test('spares all work of a name for a second after a failure, and no other', async () => {
    const log: string[] = [];
    now = 1000;
    await expect(breaker.run('a', fail)).rejects.toThrow('no answer');
    now = 1999;
    await expect(breaker.run('a', work(log, 'early'))).rejects.toThrow('a moment ago');
    expect(await breaker.run('b', work(log, 'other'))).toBe('other');
    now = 2000;
    expect(await breaker.run('a', work(log, 'later'))).toBe('later');
    expect(await breaker.run('a', work(log, 'after'))).toBe('after');
    expect(log).toEqual(['other', 'later', 'after']);
  });

  test('lets one try after that, while the others fail at once', async () => {
    now = 10_000;
    await expect(breaker.run('c', fail)).rejects.toThrow('no answer');
    now = 11_000;
    let answer: (value: string) => void = () => undefined;
    const trying = breaker.run('c', () => new Promise<string>((resolve) => (answer = resolve)));
    await expect(breaker.run('c', fail)).rejects.toThrow('a moment ago');
    answer('here');
    expect(await trying).toBe('here');
    expect(await breaker.run('c', work([], 'again'))).toBe('again');
  });

  test('sends nobody away because one of a crowd was late while others got answers', async () => {
    now = 20_000;
    let isLate: (error: Error) => void = () => undefined;
    const late = breaker.run('d', () => new Promise((_, reject) => (isLate = reject)));
    now = 20_150;
    await breaker.run('d', work([], 'in time'));
    now = 20_200;
    isLate(new Error('no answer'));
    await expect(late).rejects.toThrow('no answer');
    expect(await breaker.run('d', work([], 'next'))).toBe('next');
  });
});

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ServiceError } from '../errors.ts';
import { createLimiter, type LocalLimiter } from './limiter.ts';

let limiter: LocalLimiter;
beforeEach(() => {
  vi.useFakeTimers();
  limiter = createLimiter();
});
afterEach(() => vi.useRealTimers());

const RATE = { rate: { perSecond: 10, burst: 5 } };

/** How many of `attempts` get in at once, and when the first refused one may come back, seconds. */
function burst(attempts: number, name = 'app'): { let: number; retryAfter: number | undefined } {
  let count = 0;
  let retryAfter: number | undefined;
  for (let i = 0; i < attempts; i++) {
    try {
      limiter.enter(name, RATE)();
      count += 1;
    } catch (error) {
      expect(error).toBeInstanceOf(ServiceError);
      expect(error).toMatchObject({ code: 'rate_limited' });
      retryAfter ??= (error as ServiceError).retryAfterSeconds;
    }
  }
  return { let: count, retryAfter };
}

it('lets a burst through, then the rate', () => {
  expect(burst(20)).toEqual({ let: 5, retryAfter: expect.closeTo(0.1) });
  vi.advanceTimersByTime(100);
  expect(burst(20).let).toBe(1);
  vi.advanceTimersByTime(350);
  expect(burst(20)).toEqual({ let: 3, retryAfter: expect.closeTo(0.05) });
  vi.advanceTimersByTime(60_000);
  expect(burst(20).let).toBe(5);
});

it('lets no more than rate and burst through in any time', () => {
  let total = 0;
  for (let ms = 0; ms < 10_000; ms += 37) {
    total += burst(3).let;
    vi.advanceTimersByTime(37);
  }
  expect(total).toBeGreaterThanOrEqual(100);
  expect(total).toBeLessThanOrEqual(105);
});

it('lets a request of many images in, and has the next ones wait for it', () => {
  limiter.enter('app', RATE)();
  limiter.charge('app', RATE, 19);
  expect(burst(1)).toEqual({ let: 0, retryAfter: expect.closeTo(1.6) });
  vi.advanceTimersByTime(1600);
  expect(burst(20).let).toBe(1);
  limiter.charge('ann', {}, 1000);
  expect(burst(20, 'ann').let).toBe(5);
});

it('counts each name for itself', () => {
  expect(burst(20, 'ann').let).toBe(5);
  expect(burst(20, 'bob').let).toBe(5);
});

it('a request that is refused costs nothing', () => {
  const leave = limiter.enter('app', { ...RATE, concurrency: 1 });
  for (let i = 0; i < 20; i++) {
    expect(() => limiter.enter('app', { ...RATE, concurrency: 1 })).toThrow('has 1 requests under way');
  }
  leave();
  leave();
  // To leave twice gives one place back.
  const again = limiter.enter('app', { ...RATE, concurrency: 1 });
  expect(() => limiter.enter('app', { ...RATE, concurrency: 1 })).toThrow('has 1 requests under way');
  again();
  expect(burst(20).let).toBe(3);
});

it('a caller with all its requests under way may come back after a second', () => {
  limiter.enter('app', { concurrency: 1 });
  expect(() => limiter.enter('app', { concurrency: 1 })).toThrow(
    expect.objectContaining({ code: 'rate_limited', retryAfterSeconds: 1 }),
  );
});

it('forgets those who are gone', () => {
  burst(20, 'ann');
  burst(20, 'bob');
  limiter.keep(new Set(['bob']));
  expect(burst(20, 'ann').let).toBe(5);
  expect(burst(20, 'bob').let).toBe(0);
});

it('limits nobody who has no limits', () => {
  for (let i = 0; i < 10_000; i++) limiter.enter('app', {});
});

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createLinger } from './linger.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Asks every 100 ms for this many seconds. Returns for how many seconds rows were awaited. */
async function secondsAwaited(
  isAwaited: (content: string) => Promise<boolean>,
  seconds: number,
): Promise<number> {
  for (let ms = 0; ms < seconds * 1000; ms += 100) {
    if (!(await isAwaited('a'))) return ms / 1000;
    vi.advanceTimersByTime(100);
  }
  return seconds;
}

it('waits for half a minute after the last row, and asks once a second', async () => {
  let waits = true;
  const ask = vi.fn(async () => waits);
  const isAwaited = createLinger(ask, 2000);
  expect(await secondsAwaited(isAwaited, 60)).toBe(60);
  expect(ask.mock.calls.length).toBeLessThan(65);
  waits = false;
  const left = await secondsAwaited(isAwaited, 60);
  expect(left).toBeGreaterThan(27);
  expect(left).toBeLessThan(33);
});

it('waits longer where others look less often', async () => {
  const isAwaited = createLinger(async () => false, 60_000);
  expect(await secondsAwaited(isAwaited, 600)).toBe(180);
});

it('waits where nothing can be told, and for half a minute after', async () => {
  let isAway = true;
  const isAwaited = createLinger(async () => {
    if (isAway) throw new Error('Redis is away.');
    return false;
  }, 2000);
  expect(await secondsAwaited(isAwaited, 120)).toBe(120);
  isAway = false;
  const left = await secondsAwaited(isAwaited, 60);
  expect(left).toBeGreaterThan(27);
  expect(left).toBeLessThan(33);
});

it('begins anew, and ends, for a content that has been served again in between', async () => {
  const isAwaited = createLinger(async () => false, 2000);
  await secondsAwaited(isAwaited, 20);
  vi.advanceTimersByTime(60_000);
  expect(await secondsAwaited(isAwaited, 60)).toBe(30);
});

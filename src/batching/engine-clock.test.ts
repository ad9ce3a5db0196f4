import { expect, it } from 'vitest';
import { createEngineClock } from './engine-clock.ts';

it('counts the time of each batch from when the engine took it', () => {
  let nowMs = 0;
  const clock = createEngineClock(1, () => nowMs);
  const first = clock.start();
  nowMs = 10;
  const [second, third] = [clock.start(), clock.start()];
  expect(clock.handed).toBe(3);
  nowMs = 100;
  expect(first()).toBe(100);
  nowMs = 130;
  // It ended before its turn came.
  expect(third()).toBe(120);
  nowMs = 150;
  expect(second()).toBe(50);
  expect(clock.handed).toBe(0);
});

it('lets as many begin at once as the engine works on', () => {
  let nowMs = 0;
  const clock = createEngineClock(2, () => nowMs);
  const [first, second, third] = [clock.start(), clock.start(), clock.start()];
  nowMs = 20;
  expect(second()).toBe(20);
  nowMs = 50;
  expect([first(), third()]).toEqual([50, 30]);
});

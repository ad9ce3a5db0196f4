import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { watchProcess } from './watch-process.ts';

const MINUTE_MS = 60_000;

let reasons: string[];
let answers: boolean;
let asked: number;
let stop: () => void;
let start: () => void;
/** A question that was put while nothing answered: the process may still answer it. */
let answerLate: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  reasons = [];
  answers = true;
  asked = 0;
  const started = new Promise<void>((resolve) => {
    start = resolve;
  });
  stop = watchProcess({
    started,
    ask() {
      asked += 1;
      if (answers) return Promise.resolve();
      return new Promise<void>((resolve) => {
        answerLate = resolve;
      });
    },
    onHung: (reason) => reasons.push(reason),
  });
});
afterEach(() => {
  stop();
  vi.useRealTimers();
});

it('leaves a process alone that answers, for ever', async () => {
  start();
  await vi.advanceTimersByTimeAsync(60 * MINUTE_MS);
  expect(reasons).toEqual([]);
  expect(asked).toBeGreaterThan(1000);
});

it('reports one that answers no more, once', async () => {
  start();
  await vi.advanceTimersByTimeAsync(MINUTE_MS);
  answers = false;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(reasons).toEqual([]);
  await vi.advanceTimersByTimeAsync(MINUTE_MS);
  expect(reasons).toEqual(['did not answer for 20 seconds']);
});

it('forgives one that answers late, and asks it one question at a time', async () => {
  start();
  answers = false;
  for (let i = 0; i < 10; i++) {
    const before = asked;
    await vi.advanceTimersByTimeAsync(15_000);
    expect(asked).toBe(before + 1);
    answerLate();
  }
  expect(reasons).toEqual([]);
});

it('reports one that does not start, and gives it longer', async () => {
  await vi.advanceTimersByTimeAsync(50_000);
  expect(reasons).toEqual([]);
  expect(asked).toBe(0);
  await vi.advanceTimersByTimeAsync(MINUTE_MS);
  expect(reasons).toEqual(['did not start within 60 seconds']);
});

it('reports nothing of one that is not watched any more', async () => {
  stop();
  await vi.advanceTimersByTimeAsync(5 * MINUTE_MS);
  expect(reasons).toEqual([]);
});

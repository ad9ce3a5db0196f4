import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { createTurns } from './turns.ts';

it('does a few pieces of work in a turn, in their order, and large work as several', async () => {
  const done: number[] = [];
  const wait = createTurns(4);
  for (let i = 0; i < 6; i++) wait(() => done.push(i));
  wait(() => done.push(6), 3);
  wait(() => done.push(7), 100);
  wait(() => done.push(8), 0.5);
  wait(() => done.push(9), 0.5);
  const byTurn: number[] = [];
  while (done.length < 10) {
    await turn();
    byTurn.push(done.length);
  }
  expect(byTurn).toEqual([4, 7, 8, 10]);
  expect(done).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

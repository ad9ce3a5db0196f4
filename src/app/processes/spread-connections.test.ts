import { expect, it } from 'vitest';
import type { Ask } from './calls.ts';
import type { ApiCalls, ProcessLoad } from './protocol.ts';
import { createConnectionSpread, surplusOf } from './spread-connections.ts';

const load = (active: number, busy = 0.9): ProcessLoad => ({ active, busy });

it.each([
  { active: [4, 0, 0, 0], surplus: [2, 0, 0, 0] },
  { active: [2, 2, 0, 0], surplus: [1, 1, 0, 0] },
  { active: [2, 1, 1, 0], surplus: [1, 0, 0, 0] },
  { active: [1, 1, 1, 1], surplus: [0, 0, 0, 0] },
  { active: [2, 2, 1, 1], surplus: [0, 0, 0, 0] },
  { active: [13, 3, 0, 0], surplus: [5, 0, 0, 0] },
  // Chance alone divides many connections no better than this.
  { active: [120, 100, 95, 85], surplus: [0, 0, 0, 0] },
  { active: [0, 0, 0, 0], surplus: [0, 0, 0, 0] },
])('of $active connections processes give up $surplus', ({ active, surplus }) => {
  const all = active.map((each) => load(each));
  expect(all.map((each) => surplusOf(each, all))).toEqual(surplus);
});

it('a process that has time gives up none', () => {
  const all = [load(4, 0.3), load(0)];
  expect(surplusOf(all[0]!, all)).toBe(0);
});

it('asks a process by what it and the others told last, without those that are gone', () => {
  const moved: [string, number][] = [];
  const processOf = (name: string) =>
    (async (_call: string, count: number) => void moved.push([name, count])) as unknown as Ask<ApiCalls>;
  const [a, b, c] = ['a', 'b', 'c'].map(processOf) as [Ask<ApiCalls>, Ask<ApiCalls>, Ask<ApiCalls>];
  const spread = createConnectionSpread();
  spread.told(a, load(8));
  expect(moved).toEqual([]);
  spread.told(b, load(0));
  spread.told(c, load(1));
  spread.told(a, load(8));
  expect(moved).toEqual([['a', 3]]);
  spread.leave(b);
  spread.leave(c);
  spread.told(a, load(8));
  expect(moved).toHaveLength(1);
});

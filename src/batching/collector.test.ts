import { describe, expect, test } from 'vitest';
import type { Lane } from './batch-queue.ts';
import { createCollector, type WaitingRow } from './collector.ts';

const LIMITS = { maxBatchSize: 3, maxDelayMs: 10, queueLimit: 100 };

const lane = (recipe: string, version = 1): Lane => ({
  model: 'digits',
  version,
  content: 'a',
  recipe,
  caller: '',
});

interface Row extends WaitingRow {
  readonly id: string;
}

const row = (id: string, acceptedMs: number, of = lane('isolated'), expiresMs = 1_000): Row => ({
  id,
  lane: of,
  priority: 2,
  acceptedMs,
  expiresMs,
});

function collect(...rows: Row[]) {
  const collector = createCollector<Row>();
  for (const each of rows) collector.add(each, LIMITS);
  const take = (nowMs: number, draining = false) => {
    const collected = collector.take(nowMs, draining);
    return collected && { ids: collected.rows.map(({ id }) => id).join(''), reason: collected.reason };
  };
  return { collector, take };
}

describe('when a batch starts', () => {
  test('at the exact end of the window of its oldest row', () => {
    const { collector, take } = collect(row('a', 100), row('b', 105));
    expect(collector.nextStartMs()).toBe(110);
    expect(take(109.999)).toBeUndefined();
    expect(take(110)).toEqual({ ids: 'ab', reason: 'window' });
    expect(collector.nextStartMs()).toBeUndefined();
  });

  test('as soon as it is full, and the rows beyond it wait on', () => {
    const { collector, take } = collect(row('a', 100), row('b', 101));
    expect(collector.isFull(lane('isolated'))).toBe(false);
    for (const id of ['c', 'd']) collector.add(row(id, 102), LIMITS);
    expect(collector.isFull(lane('isolated'))).toBe(true);
    expect(take(102)).toEqual({ ids: 'abc', reason: 'full' });
    expect(take(102)).toBeUndefined();
    expect(collector.nextStartMs()).toBe(112);
  });

  test('at once while draining', () => {
    const { take } = collect(row('a', 100));
    expect(take(100, true)).toEqual({ ids: 'a', reason: 'drain' });
  });

  test('the oldest row decides among the lanes that may start', () => {
    const { take } = collect(
      row('a', 101, lane('dent')),
      ...['b', 'c', 'd'].map((id) => row(id, 102)),
      row('e', 100, lane('tent')),
    );
    expect(take(102)).toEqual({ ids: 'bcd', reason: 'full' });
    expect(take(111)).toEqual({ ids: 'e', reason: 'window' });
    expect(take(111)).toEqual({ ids: 'a', reason: 'window' });
    expect(take(111)).toBeUndefined();
  });

  test('the limits of the latest row hold for its lane', () => {
    const { collector, take } = collect(row('a', 100));
    collector.add(row('b', 101), { maxBatchSize: 1, maxDelayMs: 5, queueLimit: 100 });
    expect(take(101)).toEqual({ ids: 'a', reason: 'full' });
  });
});

describe('priorities', () => {
  const ranked = (id: string, acceptedMs: number, priority: 1 | 2 | 3, of = lane('isolated')): Row => ({
    ...row(id, acceptedMs, of, 10_000),
    priority,
  });

  test('each step counts as two seconds of waiting, within a lane', () => {
    const { take } = collect(
      ranked('a', 100, 2),
      ranked('b', 2_099, 1),
      ranked('c', 101, 3),
      ranked('d', 102, 2),
      ranked('e', 2_101, 1),
    );
    expect([take(2_102), take(2_102, true)]).toEqual([
      { ids: 'bae', reason: 'full' },
      { ids: 'dc', reason: 'window' },
    ]);
  });

  test('the most urgent row of a lane decides when lanes compete, the one that waits longest when it starts', () => {
    const urgent = [ranked('a', 100, 3), ranked('b', 120, 1)];
    const { collector, take } = collect(ranked('c', 105, 2, lane('dent')), ...urgent);
    expect(collector.nextStartMs()).toBe(110);
    expect(take(130)).toEqual({ ids: 'ba', reason: 'window' });
    expect(take(130)).toEqual({ ids: 'c', reason: 'window' });
  });

  test('rows of all of them fill a batch', () => {
    const rows = ([1, 2, 3] as const).map((priority) => ranked(`${priority}`, 100, priority));
    const { collector, take } = collect(...rows.slice(1));
    expect(collector.isFull(lane('isolated'))).toBe(false);
    collector.add(rows[0]!, LIMITS);
    expect(collector.isFull(lane('isolated'))).toBe(true);
    expect(collector.status(100)).toMatchObject([{ depth: 3 }]);
    expect(take(100)).toEqual({ ids: '123', reason: 'full' });
  });
});

describe('when the next batch may start', () => {
  test('is the earliest of all lanes, whichever came first', () => {
    const later = row('a', 100);
    const earlier = row('b', 95, lane('dent'));
    for (const rows of [
      [later, earlier],
      [earlier, later],
    ]) {
      expect(collect(...rows).collector.nextStartMs()).toBe(105);
    }
  });

  test('is the arrival of its oldest row where a batch is full already', () => {
    const { collector } = collect(...['a', 'b', 'c'].map((id, i) => row(id, 100 + i)));
    expect(collector.nextStartMs()).toBe(100);
  });
});

describe('which rows it holds', () => {
  test('a lane that is not there is not full, and nothing leaves it', () => {
    const { collector } = collect();
    collector.remove(row('a', 100));
    expect(collector.isFull(lane('isolated'))).toBe(false);
    expect(collector.nextStartMs()).toBeUndefined();
  });

  test('rows that have left or expired neither fill a batch nor age it', () => {
    const left = row('b', 95);
    const { collector, take } = collect(
      row('a', 90, lane('isolated'), 100),
      left,
      row('c', 98),
      row('d', 99),
    );
    collector.remove(left);
    collector.remove(left);
    expect(take(100)).toBeUndefined();
    expect(collector.nextStartMs()).toBe(108);
    expect(take(108)).toEqual({ ids: 'cd', reason: 'window' });
  });

  test('a row that was taken cannot leave again', () => {
    const taken = row('a', 100);
    const { collector, take } = collect(taken, row('b', 105, lane('dent')));
    expect(take(110)).toEqual({ ids: 'a', reason: 'window' });
    collector.add(row('c', 110), LIMITS);
    collector.remove(taken);
    expect(collector.status(110).map(({ depth }) => depth)).toEqual([1, 1]);
  });

  test('each row expires in its own time', () => {
    const late = { ...LIMITS, maxBatchSize: 10, maxDelayMs: 10_000 };
    const collector = createCollector<Row>();
    for (const [id, expiresMs] of Object.entries({ a: 500, b: 300, c: 400, d: 200 })) {
      collector.add(row(id, 100, lane('isolated'), expiresMs), late);
    }
    const depthAt = (nowMs: number) => {
      collector.take(nowMs, false);
      return collector.status(nowMs)[0]?.depth ?? 0;
    };
    expect([199, 200, 299, 300, 400, 499, 500].map(depthAt)).toEqual([4, 3, 3, 2, 1, 1, 0]);
  });
});

describe('how much waits', () => {
  test('queueLimit counts the rows of a model and version over all lanes', () => {
    const { collector, take } = collect(row('a', 100), row('b', 100, lane('dent')));
    const limits = { ...LIMITS, queueLimit: 2 };
    expect(collector.hasRoom(lane('tent'), limits)).toBe(false);
    expect(collector.hasRoom(lane('tent', 2), limits)).toBe(true);
    take(110);
    expect(collector.hasRoom(lane('tent'), limits)).toBe(true);
  });

  test('queueLimit goes on counting the rows that stay when one leaves', () => {
    const leaving = row('a', 100);
    const { collector } = collect(leaving, row('b', 100), row('c', 100, lane('dent')));
    collector.remove(leaving);
    expect(collector.hasRoom(lane('tent'), { ...LIMITS, queueLimit: 2 })).toBe(false);
    expect(collector.hasRoom(lane('tent'), { ...LIMITS, queueLimit: 3 })).toBe(true);
  });

  test('depths and status, and nothing of lanes that are empty', () => {
    const { collector, take } = collect(
      ...['a', 'b', 'c', 'd'].map((id) => row(id, 100)),
      row('e', 104, lane('dent')),
    );
    expect(collector.depths()).toEqual([
      { lane: lane('isolated'), depth: 4, maxBatchSize: 3 },
      { lane: lane('dent'), depth: 1, maxBatchSize: 3 },
    ]);
    expect(collector.status(106)).toEqual([
      { lane: lane('isolated'), depth: 4, oldestAgeMs: 6 },
      { lane: lane('dent'), depth: 1, oldestAgeMs: 2 },
    ]);
    for (const ids of ['abc', 'd', 'e']) expect(take(106, true)?.ids).toBe(ids);
    expect(collector.depths()).toEqual([]);
    expect(collector.status(106)).toEqual([]);
  });
});

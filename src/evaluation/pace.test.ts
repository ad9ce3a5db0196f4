import { expect, it } from 'vitest';
import { createPace } from './pace.ts';

/** A clock that moves when it is told to. */
function clock() {
  let seconds = 0;
  return {
    now: () => 1000 * seconds,
    pass(more: number) {
      seconds += more;
    },
  };
}

it('knows nothing before anything has been done', () => {
  const pace = createPace([{ kind: 'a', weight: 1 }], clock().now);
  expect(pace.secondsLeft).toBeUndefined();
  expect(pace.done).toBe(0);
});

it('takes what has not been seen by its weight, and what has by its time', () => {
  const { now, pass } = clock();
  const pieces = ['light', 'heavy', 'light', 'heavy'].map((kind) => ({
    kind,
    weight: kind === 'light' ? 1 : 4,
  }));
  const pace = createPace(pieces, now);
  pace.begin();
  pass(2);
  pace.end();
  // Heavy ones by their weight: 8 s each, and the light one that is left.
  expect(pace.secondsLeft).toBeCloseTo(18);
  expect(pace.done).toBeCloseTo(2 / 20);
  pace.begin();
  pass(20);
  pace.end();
  expect(pace.secondsLeft).toBeCloseTo(22);
});

it('goes by what is done of a piece that is under way', () => {
  const { now, pass } = clock();
  const pace = createPace(
    [
      { kind: 'a', weight: 1 },
      { kind: 'a', weight: 1 },
    ],
    now,
  );
  pace.begin();
  pass(10);
  pace.share(0.25);
  expect(pace.secondsLeft).toBeCloseTo(30 + 40);
  pass(30);
  pace.end();
  expect(pace.secondsLeft).toBeCloseTo(40);
  expect(pace.done).toBeCloseTo(0.5);
});

it('takes what has not been seen at the pace of the piece that is under way, too', () => {
  const { now, pass } = clock();
  const pieces = [1, 100, 200].map((weight) => ({ kind: `of ${weight}`, weight }));
  const pace = createPace(pieces, now);
  pace.begin();
  // A first piece that is slow says little.
  pass(3);
  pace.end();
  pace.begin();
  pass(7);
  pace.share(0.5);
  expect(pace.secondsLeft).toBeCloseTo(7 + (200 * (3 + 7)) / (1 + 50));
});

it('has nothing left at the end', () => {
  const { now, pass } = clock();
  const pace = createPace([{ kind: 'a', weight: 1 }], now);
  pace.begin();
  pass(1);
  pace.end();
  expect(pace.secondsLeft).toBe(0);
  expect(pace.done).toBe(1);
});

import { describe, expect, it } from 'vitest';
import { differences, isGain, isLoss, pairedDifference, wilson } from './statistics.ts';

describe('wilson', () => {
  // By the formula of Wilson 1927, as statsmodels' proportion_confint(method="wilson") gives it.
  it.each([
    [8, 10, 0.4902, 0.9433],
    [0, 10, 0, 0.2775],
    [10, 10, 0.7225, 1],
    [50, 100, 0.4038, 0.5962],
    [1, 1, 0.2065, 1],
  ])('%i of %i', (correct, of, low, high) => {
    const interval = wilson(correct, of);
    expect(interval[0]).toBeCloseTo(low, 4);
    expect(interval[1]).toBeCloseTo(high, 4);
  });

  it('says nothing of nothing', () => {
    expect(wilson(0, 0)).toEqual([0, 1]);
  });
});

/** Differences of so many rows that got better, worse, or stayed. */
const rowsOf = (better: number, worse: number, same: number): Float64Array =>
  Float64Array.from([
    ...Array<number>(better).fill(1),
    ...Array<number>(worse).fill(-1),
    ...Array<number>(same).fill(0),
  ]);

describe('pairedDifference', () => {
  it('has the interval of the normal distribution where there are many rows', () => {
    const { points, interval } = pairedDifference(rowsOf(60, 20, 920), 0);
    expect(points).toBeCloseTo(4, 10);
    // The variance of a row is .08 - .04²; 1.96 standard errors of 1,000 rows are 1.735 points.
    expect(interval[0]).toBeCloseTo(4 - 1.735, 0);
    expect(interval[1]).toBeCloseTo(4 + 1.735, 0);
  });

  it('is the same for the same seed, and hardly another for another', () => {
    const rows = rowsOf(60, 20, 920);
    expect(pairedDifference(rows, 3)).toEqual(pairedDifference(rows, 3));
    const [one, other] = [pairedDifference(rows, 3).interval, pairedDifference(rows, 4).interval];
    expect(one).not.toEqual(other);
    expect(Math.abs(one[0] - other[0])).toBeLessThan(0.3);
  });

  it('turns round where the recipes are exchanged', () => {
    const [one, other] = [pairedDifference(rowsOf(9, 3, 88), 0), pairedDifference(rowsOf(3, 9, 88), 0)];
    expect(other.points).toBe(-one.points);
    expect(other.interval[1]).toBeCloseTo(-one.interval[0], 0);
  });

  it.each([1, 2, 3])('claims no gain from %i rows, though all agree', (count) => {
    const difference = pairedDifference(rowsOf(count, 0, 0), 0);
    expect(difference.points).toBe(100);
    expect(isGain(difference)).toBe(false);
  });

  it('claims none where nothing differs', () => {
    const difference = pairedDifference(rowsOf(0, 0, 100), 0);
    expect(isGain(difference)).toBe(false);
    expect(isLoss(difference)).toBe(false);
  });

  it('is everything where there are no rows', () => {
    expect(pairedDifference(new Float64Array(), 0)).toEqual({ points: 0, interval: [-100, 100] });
  });
});

it('an interval that touches zero is neither gain nor loss', () => {
  expect(isGain({ points: 2, interval: [0, 4] })).toBe(false);
  expect(isGain({ points: 2, interval: [0.1, 4] })).toBe(true);
  expect(isLoss({ points: -2, interval: [-4, 0] })).toBe(false);
});

it('takes differences row by row', () => {
  expect([...differences([1, 0, 1, 0], [1, 1, 0, 0])]).toEqual([0, -1, 1, 0]);
});

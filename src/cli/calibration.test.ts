import { expect, it } from 'vitest';
import { type CleanBatch, calibrationOf } from './calibration.ts';

const GAPS = [0.1, 0.2, 0.3];

/** Batches that diverge by `nats`, by a third more, and by a third less. */
const batches = (nats: number, spread = 1): CleanBatch[] =>
  GAPS.map((gap, i) => ({ gap, divergence: nats * spread ** (i - 1) }));

it('finds the limits that batches of any size keep, and the margin of full ones', () => {
  const limit = (rows: number) => 0.04 * (1 + 24 / rows);
  const found = calibrationOf(
    { rows: 16, batches: batches(limit(16)) },
    { rows: 128, batches: batches(limit(128)) },
  );
  // The mean gap is 0.2 and its deviation 0.1, of which four are added.
  expect(found).toEqual({ margin: 0.6, divergence: 0.04, divergenceRows: 24 });
});

it('lies four deviations of the logarithm above the mean of them', () => {
  const full = { rows: 128, batches: batches(0.04, 1.1) };
  // No dependence on the size, so the limit is that of full batches.
  const found = calibrationOf({ ...full, rows: 16 }, full);
  expect(found.divergence).toBeCloseTo(0.04 * 1.1 ** 4, 5);
  expect(found.divergenceRows).toBe(0);
});

it('keeps the limit of full batches where small ones would turn it negative', () => {
  const found = calibrationOf({ rows: 16, batches: batches(4) }, { rows: 128, batches: batches(0.04) });
  expect(found).toMatchObject({ divergence: 0.02, divergenceRows: 128 });
});

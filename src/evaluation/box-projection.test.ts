import { describe, expect, it } from 'vitest';
import { boxProjection } from './box-projection.ts';
import { createRandom } from './random.ts';

const half = [0.5, 0.5, 0.5, 0.5];

/** Least changes that were worked out by hand. */
const CASES = [
  {
    says: 'some pixels run out of room',
    x: [0.9, 0.1, 0.5, 0.5],
    w: [3, 1, -1, 2],
    b: 1,
    linf: [-1.1 / 3, -0.1, 1.1 / 3, -1.1 / 3],
    l2: [-33 / 70, -0.1, 11 / 70, -22 / 70],
  },
  {
    says: 'the steepest pixel has the least room',
    x: [0.05, 0.5, 0.5, 0.5],
    w: [10, 1, 1, 1],
    b: 0.5,
    linf: [-0.05, -1 / 3, -1 / 3, -1 / 3],
    l2: [-0.05, -1 / 3, -1 / 3, -1 / 3],
  },
  {
    says: 'the hyperplane is out of reach',
    x: half,
    w: [1, 1, 1, 1],
    b: -1,
    linf: [-0.5, -0.5, -0.5, -0.5],
    l2: [-0.5, -0.5, -0.5, -0.5],
  },
  {
    says: 'the point is on the other side, and some slopes are nought',
    x: half,
    w: [2, 0, -2, 0],
    b: 0.8,
    linf: [0.2, 0, -0.2, 0],
    l2: [0.2, 0, -0.2, 0],
  },
  { says: 'there is no way at all', x: half, w: [0, 0, 0, 0], b: 1, linf: [0, 0, 0, 0], l2: [0, 0, 0, 0] },
];

describe.each(['linf', 'l2'] as const)('%s', (norm) => {
  it.each(CASES)('finds the least change where $says', ({ x, w, b, ...expected }) => {
    const out = new Float64Array(4);
    boxProjection(x, w, b, norm, out);
    out.forEach((change, i) => {
      expect(Math.abs(change - expected[norm][i]!)).toBeLessThan(1e-6);
    });
  });

  it('reaches the hyperplane within the box, and no random change that does is shorter', () => {
    const random = createRandom(3);
    const draw = (n: number) => Float64Array.from({ length: n }, () => random.uniform());
    const size = (change: Float64Array) =>
      norm === 'l2' ? Math.hypot(...change) : Math.max(...change.map(Math.abs));
    for (let trial = 0; trial < 50; trial++) {
      const x = draw(30);
      const w = Float64Array.from({ length: 30 }, () => random.normal());
      const other = draw(30);
      // Through another point of the box: it can be reached.
      const b = w.reduce((sum, slope, i) => sum + slope * other[i]!, 0);
      const out = new Float64Array(30);
      boxProjection(x, w, b, norm, out);
      const reached = w.reduce((sum, slope, i) => sum + slope * (x[i]! + out[i]!), 0);
      expect(reached).toBeCloseTo(b, 8);
      out.forEach((change, i) => {
        expect(Math.abs(x[i]! + change - 0.5)).toBeLessThan(0.5 + 1e-9);
      });
      expect(size(out)).toBeLessThanOrEqual(size(other.map((value, i) => value - x[i]!)) + 1e-9);
    }
  });
});

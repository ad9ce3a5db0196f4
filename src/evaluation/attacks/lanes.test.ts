import { describe, expect, it } from 'vitest';
import { float32, type Tensor } from '../../tensor.ts';
import { rowViews } from '../ball.ts';
import { createRandom } from '../random.ts';
import { takeRows } from '../row-parts.ts';
import type { OpenTarget } from '../target.ts';
import { apgd, randomStart } from './apgd.ts';
import { fab } from './fab.ts';
import { pgd } from './pgd.ts';
import { onRows, type Run } from './run.ts';
import { square } from './square.ts';

const ROWS = 5;
const SIZE = 3 * 8 * 8;
const random = createRandom(3);
const images = float32(
  [ROWS, 3, 8, 8],
  Float32Array.from({ length: ROWS * SIZE }, () => random.uniform()),
);
const weights = Float64Array.from({ length: SIZE }, () => random.normal() / 8);

/** How much the second class is ahead of the first. */
const ahead = (pixels: Float32Array): number =>
  pixels.reduce((sum, pixel, i) => sum + weights[i]! * Math.sin(6 * pixel + i), -0.6);

/** Two classes in plain numbers. `waits` tells what is asked and when it is answered. */
function target(
  independentRows: boolean,
  waits: (rows: number) => Promise<void> = async () => {},
): OpenTarget {
  const logitsOf = (pixels: Tensor<'float32'>) =>
    float32([pixels.dims[0]!, 2], Float32Array.from(rowViews(pixels).flatMap((row) => [0, ahead(row)])));
  return {
    classes: 2,
    independentRows,
    async logits(pixels) {
      await waits(pixels.dims[0]!);
      return logitsOf(pixels);
    },
    async lossAndGradient(pixels) {
      await waits(pixels.dims[0]!);
      const slopes = pixels.data.map((pixel, i) => 6 * weights[i % SIZE]! * Math.cos(6 * pixel + (i % SIZE)));
      const losses = Float64Array.from(rowViews(pixels), ahead);
      return { logits: logitsOf(pixels), losses, gradient: float32(pixels.dims, slopes) };
    },
    only() {
      return this;
    },
  };
}

const runOn = (of: OpenTarget): Run => ({
  batch: { images, labels: new Int32Array(ROWS) },
  target: of,
  ball: { norm: 'linf', eps: 0.1 },
  random: createRandom(1),
});

const targets = new Int32Array(ROWS).fill(1);
describe('two halves at the same time', () => {
  it.each([
    ['APGD', (run: Run) => apgd(run, { loss: 'ce', iterations: 6 })],
    ['PGD', (run: Run) => pgd(run, { loss: 'ce', iterations: 4, step: 0.25 })],
    ['FAB', (run: Run) => fab(run, { targets, iterations: 6 })],
  ])('%s finds what it finds on the whole batch', async (_, search) => {
    const [halves, whole] = [await search(runOn(target(true))), await search(runOn(target(false)))];
    expect(halves.pixels).toEqual(whole.pixels);
    expect(halves.margins).toEqual(whole.margins);
    expect(halves.fooled).toContain(1);
  });

  it('Square tries the same squares on a row whoever stands beside it', async () => {
    const start = randomStart(runOn(target(true)));
    const all = await square(runOn(target(true)), { queries: 20, start });
    for (let row = 0; row < ROWS; row++) {
      const own = onRows(runOn(target(true)), [row]);
      const alone = await square(own, { queries: 20, start: takeRows(start, [row]) });
      expect(all.margins[row]).toBe(alone.margins[0]);
    }
    expect(new Set(all.margins).size).toBe(ROWS);
  });

  it('ask while the other waits for an answer, and report what both have done', async () => {
    const asked: number[] = [];
    let answer = (): void => {};
    const bothAsked = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const waits = async (rows: number): Promise<void> => {
      asked.push(rows);
      if (asked.length === 2) answer();
      await bothAsked;
    };
    const shares: number[] = [];
    const onProgress = (share: number): void => void shares.push(share);
    await apgd({ ...runOn(target(true, waits)), onProgress }, { loss: 'ce', iterations: 2 });
    expect(asked.slice(0, 2)).toEqual([2, 3]);
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
    expect(shares.at(-1)).toBe(1);
  });
});

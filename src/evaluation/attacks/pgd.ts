import type { Tensor } from '../../tensor.ts';
import { NORMS, rowViews, store } from '../ball.ts';
import { takeRows } from '../row-parts.ts';
import type { LossName } from '../target.ts';
import { randomStart } from './apgd.ts';
import { inLanes } from './lanes.ts';
import { marginsOf, type Run, Strongest } from './run.ts';

export interface PgdOptions {
  readonly loss: LossName;
  readonly iterations: number;
  /** The length of a step, in units of eps. */
  readonly step: number;
}

/** Projected gradient ascent with steps of one length (Madry et al. 2018). */
export function pgd(run: Run, options: PgdOptions): Promise<Strongest> {
  const start = randomStart(run);
  return inLanes(run, (lane, rows) => climb(lane, takeRows(start, rows), options));
}

/** Moves `x` in place. */
async function climb(
  { batch, target, ball, signal, onProgress }: Run,
  x: Tensor<'float32'>,
  { loss, iterations, step }: PgdOptions,
): Promise<Strongest> {
  const points = rowViews(x);
  const origins = rowViews(batch.images);
  const found = new Strongest(batch.images);
  const ahead = new Float64Array(points[0]!.length);
  for (let done = 1; done <= iterations; done++) {
    const ascent = await target.lossAndGradient(x, { name: loss, labels: batch.labels }, signal);
    found.offer(x, marginsOf(ascent.logits, batch.labels));
    for (const [row, gradient] of rowViews(ascent.gradient).entries()) {
      const [point, origin] = [points[row]!, origins[row]!];
      NORMS[ball.norm].ascent(gradient, ahead);
      for (let i = 0; i < ahead.length; i++) ahead[i] = point[i]! + step * ball.eps * ahead[i]!;
      NORMS[ball.norm].project(ahead, origin, ball.eps);
      store(ahead, origin, ball, point);
    }
    onProgress?.(done / iterations);
  }
  found.offer(x, marginsOf(await target.logits(x, signal), batch.labels));
  return found;
}

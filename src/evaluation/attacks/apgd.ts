import type { Tensor } from '../../tensor.ts';
import { NORMS, type Row, rowViews, store } from '../ball.ts';
import { takeRows } from '../row-parts.ts';
import type { Ascent, LossName } from '../target.ts';
import type { Ball } from './attack.ts';
import { inLanes } from './lanes.ts';
import { likeImages, marginsOf, type Run, Strongest } from './run.ts';

export interface ApgdOptions {
  readonly loss: LossName;
  /** The class to move each row to, for targeted losses. */
  readonly targets?: Int32Array;
  readonly iterations: number;
  /** Where to begin; a random point on the ball's edge where absent. */
  readonly start?: Tensor<'float32'>;
  /** How strong a point is; its margin where absent. */
  readonly score?: (logits: Tensor<'float32'>, labels: Int32Array) => Float64Array;
}

/** Below this share of steps that raised the loss, the step is halved. */
const RISES = 0.75;
/** The share of the new step in an iterate; the rest repeats the last move. */
const NEW = 0.75;

/** After how many iterations the step size is looked at: the windows between shrink (Croce and Hein 2020). */
export function checkpoints(iterations: number): number[] {
  const share = (of: number) => Math.max(Math.floor(of * iterations), 1);
  const at: number[] = [];
  let window = share(0.22);
  for (let next = window; next <= iterations; next += window) {
    at.push(next);
    window = Math.max(window - share(0.03), share(0.06));
  }
  return at;
}

/** What is remembered of one row. */
class RowState {
  step: number;
  best = Number.NEGATIVE_INFINITY;
  bestAtCheck = Number.NEGATIVE_INFINITY;
  last = Number.NaN;
  rises = 0;
  wasHalved = true;
  readonly bestPoint: Row;
  readonly bestGradient: Row;

  constructor(size: number, step: number) {
    this.step = step;
    this.bestPoint = new Float32Array(size);
    this.bestGradient = new Float32Array(size);
  }

  see(loss: number, point: Row, gradient: Row): void {
    if (loss > this.last) this.rises += 1;
    this.last = loss;
    if (!(loss > this.best)) return;
    this.best = loss;
    this.bestPoint.set(point);
    this.bestGradient.set(gradient);
  }

  /** Whether the step is halved after a window of so many iterations. */
  check(window: number): boolean {
    const rose = this.best > this.bestAtCheck;
    const halves = this.rises <= RISES * window || (!this.wasHalved && !rose);
    if (halves) this.step /= 2;
    this.wasHalved = halves;
    this.bestAtCheck = this.best;
    this.rises = 0;
    return halves;
  }
}

/** Moves one row: along its gradient, and on along its last move. `x` and `before` change in place. */
function createMove({ norm, eps }: Ball, size: number) {
  const { ascent, project } = NORMS[norm];
  const direction = new Float64Array(size);
  const ahead = new Float64Array(size);
  return (x: Row, before: Row, origin: Row, gradient: Row, step: number, isFirst: boolean): void => {
    ascent(gradient, direction);
    for (let i = 0; i < size; i++) ahead[i] = x[i]! + step * direction[i]!;
    project(ahead, origin, eps);
    const share = isFirst ? 1 : NEW;
    for (let i = 0; i < size; i++) {
      const here = x[i]!;
      ahead[i] = here + share * (ahead[i]! - here) + (1 - share) * (here - before[i]!);
      before[i] = here;
    }
    project(ahead, origin, eps);
    store(ahead, origin, { norm, eps }, x);
  };
}

/** A random point on the edge of each row's ball, pixels in [0, 1]. */
export function randomStart({ batch, ball, random }: Run): Tensor<'float32'> {
  const start = likeImages(batch);
  const origins = rowViews(batch.images);
  const change = new Float64Array(origins[0]!.length);
  for (const [row, point] of rowViews(start).entries()) {
    const origin = origins[row]!;
    NORMS[ball.norm].start(random, change);
    for (let i = 0; i < change.length; i++) change[i] = origin[i]! + ball.eps * change[i]!;
    NORMS[ball.norm].project(change, origin, ball.eps);
    store(change, origin, ball, point);
  }
  return start;
}

/**
 * Auto-PGD (Croce and Hein 2020): projected ascent with momentum, whose step is halved for each row where it
 * no longer pays, and which then begins again at the row's best point. Differs from theirs in that the loss
 * after the first step is compared with that at the start, and in the point it keeps of a row: the one with
 * the greatest margin, or `score`.
 */
export function apgd(
  run: Run,
  { targets, start = randomStart(run), ...how }: ApgdOptions,
): Promise<Strongest> {
  return inLanes(run, (lane, rows) =>
    climb(lane, {
      ...how,
      start: takeRows(start, rows),
      ...(targets && { targets: Int32Array.from(rows, (row) => targets[row]!) }),
    }),
  );
}

/** Moves `start` in place. */
async function climb(
  { batch, target, ball, signal, onProgress }: Run,
  {
    loss,
    targets,
    iterations,
    start: x,
    score = marginsOf,
  }: ApgdOptions & { readonly start: Tensor<'float32'> },
): Promise<Strongest> {
  const { labels } = batch;
  const points = rowViews(x);
  const before = points.map((point) => point.slice());
  const origins = rowViews(batch.images);
  const states = points.map((point) => new RowState(point.length, 2 * ball.eps));
  const found = new Strongest(batch.images);
  const move = createMove(ball, points[0]!.length);
  const of = { name: loss, labels, ...(targets && { targets }) };
  const look = async (): Promise<Row[]> => {
    const ascent: Ascent = await target.lossAndGradient(x, of, signal);
    found.offer(x, score(ascent.logits, labels));
    const gradients = rowViews(ascent.gradient);
    for (const [row, state] of states.entries())
      state.see(ascent.losses[row]!, points[row]!, gradients[row]!);
    return gradients;
  };
  let gradients = await look();
  const checks = new Set(checkpoints(iterations));
  let window = 0;
  for (let done = 1; done <= iterations; done++) {
    for (const [row, point] of points.entries())
      move(point, before[row]!, origins[row]!, gradients[row]!, states[row]!.step, done === 1);
    gradients = await look();
    window += 1;
    onProgress?.(done / iterations);
    if (!checks.has(done)) continue;
    for (const [row, state] of states.entries()) {
      if (!state.check(window)) continue;
      points[row]!.set(state.bestPoint);
      gradients[row]!.set(state.bestGradient);
    }
    window = 0;
  }
  return found;
}

import { float32 } from '../../tensor.ts';
import { clip01, NORMS, type Row, rowViews } from '../ball.ts';
import { boxProjection } from '../box-projection.ts';
import type { Norm } from './attack.ts';
import { inLanes } from './lanes.ts';
import { marginsOf, type Run, Strongest } from './run.ts';

export interface FabOptions {
  /** The class whose boundary with the right one is looked for, for each row. */
  readonly targets: Int32Array;
  readonly iterations: number;
}

/** How far beyond the boundary a step goes. */
const BEYOND = 1.05;
/** The most that a step takes of the projection of the image itself. */
const MOST_OF_IMAGE = 0.1;
/** How far a point that fools goes back towards the image. */
const BACK = 0.9;

/**
 * Moves `x` to where the hyperplane through the boundary, as the gradient has it, is nearest to it and to the
 * image.
 */
function createStep(norm: Norm, size: number) {
  const { length } = NORMS[norm];
  const fromHere = new Float64Array(size);
  const fromImage = new Float64Array(size);
  return (x: Row, image: Row, normal: Row, difference: number): void => {
    let b = -difference;
    for (let i = 0; i < size; i++) b += normal[i]! * x[i]!;
    boxProjection(x, normal, b, norm, fromHere);
    boxProjection(image, normal, b, norm, fromImage);
    const [here, there] = [Math.max(length(fromHere), 1e-8), Math.max(length(fromImage), 1e-8)];
    const share = Math.min(here / (here + there), MOST_OF_IMAGE);
    for (let i = 0; i < size; i++) {
      const near = x[i]! + BEYOND * fromHere[i]!;
      x[i] = clip01((1 - share) * near + share * (image[i]! + BEYOND * fromImage[i]!));
    }
  };
}

/**
 * The least distance at which each row was fooled, and the point: kept by the search, which goes on from
 * nearer.
 */
function keepNearest(found: Map<number, Nearest>, row: number, point: Row, distance: number, margin: number) {
  const known = found.get(row);
  if (known === undefined || distance < known.distance)
    found.set(row, { point: point.slice(), distance, margin });
}

interface Nearest {
  readonly point: Row;
  readonly distance: number;
  readonly margin: number;
}

/**
 * Fast Adaptive Boundary attack towards one class (Croce and Hein 2020): walks along the boundary for the
 * nearest point beyond it. What it finds counts where that lies within eps.
 */
export function fab(run: Run, { targets, iterations }: FabOptions): Promise<Strongest> {
  return inLanes(run, (lane, rows) =>
    walk(lane, { targets: Int32Array.from(rows, (row) => targets[row]!), iterations }),
  );
}

async function walk(
  { batch, target, ball, signal, onProgress }: Run,
  { targets, iterations }: FabOptions,
): Promise<Strongest> {
  const { labels } = batch;
  const { length } = NORMS[ball.norm];
  const x = float32(batch.images.dims, batch.images.data.slice());
  const points = rowViews(x);
  const images = rowViews(batch.images);
  const nearest = new Map<number, Nearest>();
  const step = createStep(ball.norm, points[0]!.length);
  const change = new Float64Array(points[0]!.length);
  for (let done = 1; done <= iterations; done++) {
    const of = { name: 'targeted-margin', labels, targets } as const;
    const { losses, gradient } = await target.lossAndGradient(x, of, signal);
    for (const [row, normal] of rowViews(gradient).entries())
      step(points[row]!, images[row]!, normal, losses[row]!);
    const margins = marginsOf(await target.logits(x, signal), labels);
    for (const [row, point] of points.entries()) {
      if (!(margins[row]! > 0)) continue;
      const image = images[row]!;
      for (let i = 0; i < change.length; i++) change[i] = point[i]! - image[i]!;
      keepNearest(nearest, row, point, length(change), margins[row]!);
      for (let i = 0; i < change.length; i++) point[i] = image[i]! + BACK * change[i]!;
    }
    onProgress?.(done / iterations);
  }
  const found = new Strongest(batch.images);
  for (const [row, { point, distance, margin }] of nearest)
    if (distance <= ball.eps) found.put(row, point, margin);
  return found;
}

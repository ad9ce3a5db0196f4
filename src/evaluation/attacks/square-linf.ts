import { clip01, rowViews, store } from '../ball.ts';
import type { Target } from '../target.ts';
import type { Run } from './run.ts';
import { drawCorner, type Squares } from './squares.ts';

/** In the max norm: each square is moved by all that is allowed, up or down by channel. */
export function maxNormSquares(run: Run<Target>): Squares {
  const { batch, ball, random } = run;
  const [, channels, height, width] = batch.images.dims as [number, number, number, number];
  const images = rowViews(batch.images);
  const point = new Float64Array(channels * height * width);
  return {
    begin(points) {
      for (const [row, start] of points.entries()) {
        const image = images[row]!;
        for (let channel = 0; channel < channels; channel++) {
          for (let x = 0; x < width; x++) {
            const change = random.sign() * ball.eps;
            for (let y = 0; y < height; y++) {
              const i = (channel * height + y) * width + x;
              point[i] = clip01(image[i]! + change);
            }
          }
        }
        store(point, image, ball, start);
      }
    },
    vary(share, from, to, origins) {
      const side = Math.min(Math.max(Math.round(Math.sqrt(share * height * width)), 1), height, width);
      const [top, left] = drawCorner(random, side, height, width);
      const changes = Array.from({ length: channels }, () => random.sign() * 2 * ball.eps);
      for (const [row, variant] of to.entries()) {
        const [best, image] = [from[row]!, origins[row]!];
        point.set(best);
        for (let channel = 0; channel < channels; channel++) {
          for (let y = top; y < top + side; y++) {
            for (let x = left; x < left + side; x++) {
              const i = (channel * height + y) * width + x;
              const moved = best[i]! + changes[channel]!;
              point[i] = clip01(Math.min(Math.max(moved, image[i]! - ball.eps), image[i]! + ball.eps));
            }
          }
        }
        store(point, image, ball, variant);
      }
    },
  };
}

import type { Random } from '../random.ts';
import type { Picture } from './shift.ts';

/** A line of random values, with smooth steps between its points. */
const smooth = (t: number): number => t * t * (3 - 2 * t);

/** Random values on a grid of `cells` squares along each side, and smoothly between them, [height, width]. */
function clouds({ height, width }: Picture, cells: number, random: Random): Float32Array {
  const side = cells + 1;
  const grid = Float32Array.from({ length: side * side }, () => random.uniform());
  const out = new Float32Array(height * width);
  for (let y = 0; y < height; y++) {
    const down = (y / height) * cells;
    const [top, v] = [Math.floor(down), smooth(down % 1)];
    for (let x = 0; x < width; x++) {
      const across = (x / width) * cells;
      const [left, u] = [Math.floor(across), smooth(across % 1)];
      const corner = (dy: number, dx: number): number => grid[(top + dy) * side + left + dx]!;
      const above = corner(0, 0) * (1 - u) + corner(0, 1) * u;
      const below = corner(1, 0) * (1 - u) + corner(1, 1) * u;
      out[y * width + x] = above * (1 - v) + below * v;
    }
  }
  return out;
}

/** Grids from coarse to fine; each counts half as much as the one before. */
const GRIDS = [2, 4, 8, 16];

/** White fog of that density, from 0 to 1, thicker here and thinner there, the same in all channels. */
export function fog(picture: Picture, density: number, random: Random): Float32Array {
  const size = picture.height * picture.width;
  const thickness = new Float32Array(size);
  let total = 0;
  for (const [i, cells] of GRIDS.entries()) {
    const weight = 0.5 ** i;
    const layer = clouds(picture, cells, random);
    for (let at = 0; at < size; at++) thickness[at]! += weight * layer[at]!;
    total += weight;
  }
  return picture.data.map((value, i) => {
    const share = density * (0.5 + thickness[i % size]! / total);
    return value * (1 - Math.min(1, share)) + Math.min(1, share);
  });
}

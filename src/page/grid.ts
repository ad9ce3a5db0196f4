import type { ModelInput } from './api.ts';

/** A picture as a canvas has it: red, green, blue and alpha of each pixel. */
export interface Pixels {
  readonly data: Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}
export type Size = Pick<Pixels, 'width' | 'height'>;

/**
 * Where the model's pixels lie on a picture: the size of each, and where the first one begins, which may be
 * outside of it.
 */
export interface Grid {
  readonly across: number;
  readonly down: number;
  readonly left: number;
  readonly top: number;
}

/** By the model's `fit`. Of a picture of the model's own size each pixel is one of the model's. */
export function gridOf({ width, height }: Size, input: ModelInput): Grid {
  const [across, down] = [width / input.width, height / input.height];
  if (input.fit === 'fill') return { across, down, left: 0, top: 0 };
  const side = input.fit === 'contain' ? Math.max(across, down) : Math.min(across, down);
  const [left, top] = [(width - side * input.width) / 2, (height - side * input.height) / 2];
  return { across: side, down: side, left, top };
}

/** A run of pixels along one axis, from `from` up to and without `to`. */
interface Stretch {
  readonly index: number;
  readonly from: number;
  readonly to: number;
}

/** Cuts `length` pixels into stretches of about `size`, the one of index 0 beginning at `first`. */
function stretches(length: number, first: number, size: number): Stretch[] {
  const all: Stretch[] = [];
  const edge = (index: number): number => Math.min(length, Math.max(0, Math.round(first + index * size)));
  for (let index = Math.floor(-first / size); edge(index) < length; index++) {
    const [from, to] = [edge(index), edge(index + 1)];
    if (to > from) all.push({ index, from, to });
  }
  return all;
}

/** A square of the model's pixels: its place among them, and where the values of its pixels begin. */
export interface Square {
  readonly column: number;
  readonly row: number;
  readonly places: readonly number[];
}

/** Calls `change` for each square of `side` of the model's pixels. */
export function eachSquare(
  { width, height }: Size,
  { across, down, left, top }: Grid,
  side: number,
  change: (square: Square) => void,
): void {
  // At least one pixel of the picture.
  const columns = stretches(width, left, Math.max(1, side * across));
  for (const { index: row, from, to } of stretches(height, top, Math.max(1, side * down))) {
    for (const column of columns) {
      const places: number[] = [];
      for (let y = from; y < to; y++)
        for (let x = column.from; x < column.to; x++) places.push(4 * (y * width + x));
      change({ column: column.index, row, places });
    }
  }
}

/** How much each pixel of a line counts in one of the model's; none where that lies beside the picture. */
function weightsAt(middle: number, size: number, length: number): readonly (readonly [number, number])[] {
  if (middle < 0 || middle > length) return [];
  const reach = Math.max(1, size);
  const weights: [number, number][] = [];
  for (let i = Math.max(0, Math.floor(middle - reach)); i < Math.min(length, middle + reach); i++) {
    const weight = 1 - Math.abs(i + 0.5 - middle) / reach;
    if (weight > 0) weights.push([i, weight]);
  }
  const sum = weights.reduce((all, [, weight]) => all + weight, 0);
  return weights.map(([i, weight]) => [i, weight / sum]);
}

/** The model's own pixels, by the same triangles as the server reduces pictures; black beside the picture. */
export function resample({ data, width, height }: Pixels, grid: Grid, size: Size): Float32Array {
  const columns = Array.from({ length: size.width }, (_, i) =>
    weightsAt(grid.left + (i + 0.5) * grid.across, grid.across, width),
  );
  const narrow = new Float32Array(height * size.width * 3);
  for (let y = 0; y < height; y++) {
    for (const [x, weights] of columns.entries()) {
      const at = 3 * (y * size.width + x);
      for (const [i, weight] of weights)
        for (let c = 0; c < 3; c++) narrow[at + c]! += weight * data[4 * (y * width + i) + c]!;
    }
  }
  const out = new Float32Array(size.height * size.width * 3);
  for (let y = 0; y < size.height; y++) {
    for (const [i, weight] of weightsAt(grid.top + (y + 0.5) * grid.down, grid.down, height)) {
      const [from, to] = [3 * i * size.width, 3 * y * size.width];
      for (let at = 0; at < 3 * size.width; at++) out[to + at]! += weight * narrow[from + at]!;
    }
  }
  return out;
}

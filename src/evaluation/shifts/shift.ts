import type { Random } from '../random.ts';

/** One image, planar [channels, height, width], of pixels in [0, 1]. */
export interface Picture {
  readonly data: Float32Array;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** A natural change of an image, such as noise. */
export interface Shift {
  /**
   * What it does to pixels in [0, 1], in a line for the documentation. What leaves the range is clipped
   * afterwards.
   */
  readonly says: string;
  apply(picture: Picture, random: Random): Float32Array | Promise<Float32Array>;
}

/** A shift that changes each value by itself. */
export const pointwise = (says: string, change: (value: number, random: Random) => number): Shift => ({
  says,
  apply: ({ data }, random) => data.map((value) => change(value, random)),
});

/** The change of one channel, [height, width], for all of them. */
export function eachPlane(
  { data, channels, height, width }: Picture,
  change: (plane: Float32Array) => Float32Array,
): Float32Array {
  const size = height * width;
  const changed = new Float32Array(data.length);
  for (let c = 0; c < channels; c++) changed.set(change(data.subarray(c * size, (c + 1) * size)), c * size);
  return changed;
}

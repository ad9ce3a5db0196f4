import sharp, { type Sharp } from 'sharp';
import type { InputSpec } from '../../src/models/model.ts';

/** The input of a model of that size, with unscaled colours by default. */
export const inputOf = (width: number, height: number, rest: Partial<InputSpec> = {}): InputSpec => ({
  width,
  height,
  channels: 'rgb',
  scale: 1 / 255,
  mean: [0, 0, 0],
  std: [1, 1, 1],
  fit: 'cover',
  ...rest,
});

/** A picture of these interleaved pixels. */
export const picture = (
  pixels: readonly number[],
  width: number,
  height: number,
  channels: 1 | 2 | 3 | 4,
): Sharp => sharp(Uint8Array.from(pixels), { raw: { width, height, channels } });

/** A picture of one colour. */
export const solid = (width: number, height: number, [r, g, b]: readonly [number, number, number]): Sharp =>
  sharp({ create: { width, height, channels: 3, background: { r, g, b } }, limitInputPixels: false });

/** Bytes without a pattern, the same for the same seed, so that a failure can be repeated. */
export function noise(length: number, seed: number): number[] {
  let state = seed;
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
}

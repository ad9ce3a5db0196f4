import type { InputSpec } from '../models/model.ts';

/** How a pixel in [0, 1] becomes what the model reads: p * factor + offset, one of each for each channel. */
export interface PixelScaling {
  readonly factor: readonly number[];
  readonly offset: readonly number[];
}

/** The scaling that a manifest's input does to bytes, for pixels in [0, 1]: (255 p * scale - mean) / std. */
export const pixelScaling = ({
  scale,
  mean,
  std,
}: Pick<InputSpec, 'scale' | 'mean' | 'std'>): PixelScaling => ({
  factor: std.map((deviation) => (255 * scale) / deviation),
  offset: std.map((deviation, channel) => -mean[channel]! / deviation),
});

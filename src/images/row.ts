import type { InputSpec } from '../models/model.ts';

/**
 * Normalises the planar pixels of one image ([C, height, width], as `ImageDecoder.decode` returns them) into
 * `out` at `offset`: (p * scale - mean) / std with the channel's mean and std. Writes `pixels.length` values.
 */
export function toRow(pixels: Uint8Array, input: InputSpec, out: Float32Array, offset: number): void {
  const plane = input.width * input.height;
  for (let channel = 0; channel * plane < pixels.length; channel++) {
    const mean = input.mean[channel]!;
    const std = input.std[channel]!;
    const end = (channel + 1) * plane;
    for (let i = channel * plane; i < end; i++) {
      out[offset + i] = (pixels[i]! * input.scale - mean) / std;
    }
  }
}

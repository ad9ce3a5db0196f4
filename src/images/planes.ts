import assert from 'node:assert/strict';
import type { InputSpec } from '../models/model.ts';

/** Interleaved RGB bytes as planes in the model's order: [3, H, W] for rgb and bgr, [1, H, W] for gray. */
export function toPlanes(rgb: Uint8Array, { width, height, channels }: InputSpec): Uint8Array {
  assert.equal(
    rgb.length,
    width * height * 3,
    'The decoder returned a wrong number of bytes. This is a bug.',
  );
  return channels === 'gray' ? luma(rgb) : split(rgb, channels === 'rgb' ? [0, 1, 2] : [2, 1, 0]);
}

function split(rgb: Uint8Array, order: readonly [number, number, number]): Uint8Array {
  const size = rgb.length / 3;
  const planes = new Uint8Array(rgb.length);
  for (const [plane, channel] of order.entries()) {
    for (let i = 0; i < size; i++) planes[plane * size + i] = rgb[3 * i + channel]!;
  }
  return planes;
}

/**
 * ITU-R BT.601 luma, the usual grey in training code (PIL's `convert('L')`). Grey pixels keep their exact
 * value.
 */
function luma(rgb: Uint8Array): Uint8Array {
  const grey = new Uint8Array(rgb.length / 3);
  for (let i = 0; i < grey.length; i++) {
    grey[i] = Math.round((299 * rgb[3 * i]! + 587 * rgb[3 * i + 1]! + 114 * rgb[3 * i + 2]!) / 1000);
  }
  return grey;
}

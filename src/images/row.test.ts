import { expect, it } from 'vitest';
import { toRow } from './index.ts';

it('writes (p * scale - mean) / std per channel, at the offset and nowhere else', () => {
  const input = {
    width: 2,
    height: 1,
    channels: 'rgb',
    scale: 1 / 255,
    mean: [0.5, 0.25, 0],
    std: [0.5, 2, 1],
    fit: 'cover',
  } as const;
  const out = new Float32Array(10).fill(-9);
  toRow(Uint8Array.from([0, 255, 51, 102, 255, 0]), input, out, 2);
  const expected = [-9, -9, -1, 1, (0.2 - 0.25) / 2, (0.4 - 0.25) / 2, 1, 0, -9, -9];
  for (const [i, value] of expected.entries()) expect(out[i]).toBeCloseTo(value, 6);
});

it('writes one plane for gray', () => {
  const input = {
    width: 1,
    height: 2,
    channels: 'gray',
    scale: 1,
    mean: [10],
    std: [5],
    fit: 'cover',
  } as const;
  const out = new Float32Array(2);
  toRow(Uint8Array.from([0, 20]), input, out, 0);
  expect([...out]).toEqual([-2, 2]);
});

import { expect, it } from 'vitest';
import { ServiceError } from '../../../errors.ts';
import type { DescribedVersion } from '../../../models/model.ts';
import { modelConfig, modelMetadata } from './describe.ts';
import { readImages, readRawImage } from './images.ts';

const version = (pixels: boolean): DescribedVersion => ({
  name: 'tiny',
  version: 1,
  sha256: 'ab'.repeat(32),
  tensors: { input: 'image', output: 'scores', ...(pixels && { pixels: true as const }) },
  content: 'tiny',
  manifest: {
    description: '',
    input: { width: 2, height: 1, channels: 'rgb', scale: 1, mean: [0, 0, 0], std: [1, 1, 1], fit: 'cover' },
    labels: ['a', 'b'],
    recipes: {},
    defaultRecipe: 'static',
    shareBatches: false,
    batching: { maxBatchSize: 8, maxDelayMs: 1, queueLimit: 8, timeoutMs: 1000 },
  },
});

it.each([
  [true, 'UINT8', 6],
  [false, 'FP32', 24],
] as const)(
  'says what the model file takes, and reads a raw image of it: bytes %s',
  (pixels, datatype, size) => {
    const model = version(pixels);
    expect(modelMetadata(model, [], true).inputs).toEqual([
      { name: 'image', datatype, shape: [-1, 3, 1, 2] },
    ]);
    expect(modelConfig(model, true).input).toEqual([
      { name: 'image', data_type: `TYPE_${datatype}`, dims: [3, 1, 2] },
    ]);
    const { type, dims } = readRawImage(model, Buffer.alloc(size));
    expect({ type, dims }).toEqual({ type: pixels ? 'uint8' : 'float32', dims: [1, 3, 1, 2] });
    expect(() => readRawImage(model, Buffer.alloc(size + 1))).toThrow(ServiceError);
  },
);

it.each([true, false])('reads either type, whatever the model file takes: bytes %s', (pixels) => {
  const read = (datatype: string, data: number[]) =>
    readImages(
      version(pixels),
      { inputs: [{ name: 'image', shape: [1, 3, 1, 2], datatype, data }] },
      Buffer.alloc(0),
    );
  expect(read('UINT8', [0, 1, 2, 3, 4, 255]).data).toEqual(Uint8Array.of(0, 1, 2, 3, 4, 255));
  expect(read('FP32', [0, 1, 2, 3, 4, 254.5]).data).toEqual(Float32Array.of(0, 1, 2, 3, 4, 254.5));
});

import { expect, it } from 'vitest';
import type { Inspection } from '../dent/index.ts';
import { draftManifest } from './draft-manifest.ts';

const inspectionOf = (type: string): Inspection => ({
  opset: 18,
  producer: '',
  metadata: {},
  inputs: [],
  outputs: [],
  classes: 2,
  layers: [],
  parameters: 0,
  unsupported: [],
  reading: {
    input: { name: 'pixels', layout: 'NCHW', type, channels: 3, height: 32, width: 32 },
    output: { name: 'logits', classes: 2, takenAs: 'logits', leftOut: [] },
    layers: [],
    leftAlone: [],
    warnings: [],
  },
});
const scaleOf = (type: string, factor: number): unknown => {
  const { manifest } = draftManifest(inspectionOf(type), {
    description: '',
    scaling: { factor: [factor], offset: [-1] },
  });
  return (manifest.input as { scale: number }).scale;
};

it('gives bytes to a model that takes bytes, whatever its graph makes of them', () => {
  for (const factor of [1 / 128, 1, 4]) expect(scaleOf('uint8', factor)).toBe(1);
});

it('gives numbers of the range that the graph scales to a model that takes numbers', () => {
  expect(scaleOf('float32', 1 / 58)).toBe(1);
  expect(scaleOf('float32', 4)).toBeCloseTo(1 / 255, 9);
});

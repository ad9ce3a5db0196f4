import { describe, expect, it } from 'vitest';
import { startEngine } from '../../../../test/fixtures/engine/start-engine.ts';
import { encodeModel, float32Constant, type Graph, GraphBuilder, type Value } from '../../../onnx/index.ts';
import { elementCount, float32 } from '../../../tensor.ts';
import { mergeStridedGradients } from './merge-strided-gradients.ts';

const engine = startEngine();

interface Term {
  readonly kernel: readonly [number, number];
  readonly pads: readonly [number, number, number, number];
  readonly padding: readonly [number, number];
  readonly stride?: number;
  readonly group?: number;
  readonly dilation?: number;
}

const wave = (dims: readonly number[], phase: number) =>
  Float32Array.from({ length: elementCount(dims) }, (_, i) => Math.sin(i * 1.7 + phase));

/** The sum of ConvTransposes, each of its own gradient [2, 4, h, w], to an output [2, 3, ...size]. */
function sum(terms: readonly Term[], size: readonly [number, number]): Graph {
  const b = new GraphBuilder();
  const inputs: Value[] = [];
  const parts = terms.map((term, i) => {
    const { kernel, pads, padding, stride = 2, group = 1, dilation = 1 } = term;
    const g: Value = { name: `g${i}`, type: { dataType: 1, shape: [2, 4, 4, 3] } };
    inputs.push(g);
    const dims = [4, 3 / group, ...kernel];
    const attributes = {
      strides: [stride, stride],
      kernel_shape: kernel,
      dilations: [dilation, dilation],
      pads,
      output_padding: padding,
      group,
    };
    return b.op('ConvTranspose', [g, b.constant(float32Constant(dims, wave(dims, i)))], {
      attributes,
      shape: [2, 3, ...size],
    });
  });
  const total = b.op('Add', parts, { name: 'y', shape: [2, 3, ...size] });
  return b.build('sum', inputs, [total]);
}

async function run(graph: Graph): Promise<number[]> {
  const feeds = graph.inputs.map((value, i) => {
    const dims = value.type!.shape!.map(Number);
    return [value.name, float32(dims, Array.from(wave(dims, 5 + i)))] as const;
  });
  const model = { irVersion: 8, opset: 18, otherDomains: {}, producer: '', metadata: {}, graph };
  const results = await engine.evaluate(encodeModel(model), Object.fromEntries(feeds));
  return Array.from(results.y!.data, Number);
}

const opTypes = (graph: Graph) => graph.nodes.map((node) => node.opType);
const block: Term = { kernel: [3, 3], pads: [1, 1, 1, 1], padding: [1, 1] };
const shortcut: Term = { kernel: [1, 1], pads: [0, 0, 0, 0], padding: [1, 1] };

describe('mergeStridedGradients', () => {
  it.each<readonly [string, readonly Term[], readonly [number, number]]>([
    ['of 3x3 and 1x1 kernels', [block, shortcut], [8, 6]],
    ['of 1x1 and 3x3 kernels', [shortcut, block], [8, 6]],
    ['of even kernels', [{ kernel: [2, 2], pads: [0, 0, 0, 0], padding: [0, 0] }, shortcut], [8, 6]],
    [
      'of 7x7 and 5x3 kernels',
      [
        { kernel: [7, 7], pads: [3, 3, 3, 3], padding: [1, 1] },
        { kernel: [5, 3], pads: [2, 1, 2, 1], padding: [1, 1] },
      ],
      [8, 6],
    ],
    ['padded on one side', [{ kernel: [3, 3], pads: [0, 0, 1, 1], padding: [0, 0] }, shortcut], [8, 6]],
    [
      'of stride 3',
      [
        { kernel: [3, 3], pads: [0, 0, 0, 0], padding: [0, 0], stride: 3 },
        { kernel: [5, 5], pads: [1, 1, 1, 1], padding: [0, 0], stride: 3 },
      ],
      [12, 9],
    ],
  ])('writes a sum %s without ConvTranspose, and changes no number', async (_what, terms, size) => {
    const graph = sum(terms, size);
    const merged = mergeStridedGradients(graph);
    expect(opTypes(merged)).not.toContain('ConvTranspose');
    expect(merged.outputs).toEqual(graph.outputs);
    const [before, after] = await Promise.all([run(graph), run(merged)]);
    expect(after).toHaveLength(before.length);
    for (const [i, value] of before.entries()) expect(after[i]).toBeCloseTo(value, 4);
  });

  it.each<readonly [string, Graph]>([
    ['that leaves pixels out', sum([shortcut, shortcut], [8, 6])],
    ['of groups', sum([{ ...block, group: 3 }, shortcut], [8, 6])],
    [
      'of a dilated kernel',
      sum([{ kernel: [3, 3], pads: [2, 2, 2, 2], padding: [1, 1], dilation: 2 }, block], [8, 6]),
    ],
    [
      'of an odd size',
      sum(
        [
          { ...block, padding: [0, 0] },
          { ...shortcut, padding: [0, 0] },
        ],
        [7, 5],
      ),
    ],
    ['of two strides', sum([{ ...block, stride: 1, pads: [1, 1, 1, 1], padding: [0, 0] }, block], [8, 6])],
  ])('leaves a sum %s', (_what, graph) => {
    expect(opTypes(mergeStridedGradients(graph))).toEqual(opTypes(graph));
  });
});

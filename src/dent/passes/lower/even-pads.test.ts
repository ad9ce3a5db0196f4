import { describe, expect, it } from 'vitest';
import { evaluateGraph } from '../../../../test/fixtures/dent/evaluate-graph.ts';
import { startEngine } from '../../../../test/fixtures/engine/start-engine.ts';
import {
  float32Constant,
  type Graph,
  GraphBuilder,
  intsAttribute,
  type OpOptions,
  type Value,
} from '../../../onnx/index.ts';
import { evenPads } from './even-pads.ts';

const engine = startEngine();

const opTypes = (graph: Graph) => graph.nodes.map((node) => node.opType);

/** A convolution of 3 x 3 over x [N, 2, 7, 8]. */
function convolution(attributes: OpOptions['attributes'] = {}): Graph {
  const b = new GraphBuilder();
  const x: Value = { name: 'x', type: { dataType: 1, shape: ['N', 2, 7, 8] } };
  const weights = Array.from({ length: 2 * 2 * 9 }, (_, i) => Math.cos(i));
  const weight = b.constant(float32Constant([2, 2, 3, 3], weights));
  return b.build('convolution', [x], [b.op('Conv', [x, weight], { name: 'y', attributes })]);
}

describe('evenPads', () => {
  it.each([
    [{ pads: [0, 1, 1, 2], strides: [2, 2] }, [0, 1, 0, 1]],
    [{ pads: [2, 0, 1, 0], dilations: [2, 1] }, [1, 0, 1, 0]],
    [{ auto_pad: 'SAME_UPPER', strides: [2, 2] }, [1, 0, 1, 0]],
    [{ auto_pad: 'SAME_LOWER', strides: [3, 2], kernel_shape: [3, 3] }, [1, 0, 1, 0]],
  ])('changes no number: %j', async (attributes, pads) => {
    const graph = convolution(attributes as OpOptions['attributes']);
    const even = evenPads(graph);
    expect(opTypes(even)).toEqual(['Pad', 'Conv']);
    expect(intsAttribute(even.nodes[1]!, 'pads')).toEqual(pads);
    const [before, after] = await Promise.all([graph, even].map((each) => evaluateGraph(engine, each)));
    for (const [i, value] of before!.entries()) expect(after![i]).toBeCloseTo(value, 5);
  });

  it.each([{}, { pads: [1, 0, 1, 0] }, { auto_pad: 'VALID' }, { auto_pad: 'SAME_UPPER' }])(
    'leaves even ones alone: %j',
    (attributes) => {
      expect(opTypes(evenPads(convolution(attributes as OpOptions['attributes'])))).toEqual(['Conv']);
    },
  );
});

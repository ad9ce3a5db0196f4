import { describe, expect, it } from 'vitest';
import { evaluateGraph } from '../../../../test/fixtures/dent/evaluate-graph.ts';
import { startEngine } from '../../../../test/fixtures/engine/start-engine.ts';
import { type Dim, type Graph, GraphBuilder, type Value } from '../../../onnx/index.ts';
import { averagePixels } from './average-pixels.ts';

const engine = startEngine();

const opTypes = (graph: Graph) => graph.nodes.map((node) => node.opType);
const activation = (name: string, shape: readonly Dim[]): Value => ({ name, type: { dataType: 1, shape } });

const SHAPES = [
  ['N', 3, 4, 5],
  ['N', 2, 3, 3],
] as const;

/** Sums over the pixels of activations, and where `ofRows` over the rows, joined along the channels. */
function joinedSums(shapes: readonly (readonly Dim[])[], ofRows: boolean, readTwice = false): Graph {
  const b = new GraphBuilder();
  const inputs = shapes.map((shape, i) => activation(`x${i}`, shape));
  const sums = inputs.map((x) => {
    const sum = b.op('ReduceSum', [x, b.ints([2, 3])], { attributes: { keepdims: 1 } });
    return ofRows ? b.op('ReduceSum', [sum, b.ints([0])], { attributes: { keepdims: 1 } }) : sum;
  });
  const joined = b.op('Concat', sums, { name: 'y', attributes: { axis: 1 } });
  return b.build('sums', inputs, readTwice ? [joined, sums[0]!] : [joined]);
}

describe('averagePixels', () => {
  it.each([false, true])('makes means of sums, over rows too: %s, and changes no number', async (ofRows) => {
    const graph = joinedSums(SHAPES, ofRows);
    const averaged = averagePixels(graph);
    const pools = opTypes(averaged).filter((opType) => opType === 'GlobalAveragePool');
    expect(pools).toHaveLength(2);
    expect(opTypes(averaged).filter((opType) => opType === 'Mul')).toHaveLength(1);
    expect(averaged.outputs).toEqual(graph.outputs);
    const [before, after] = await Promise.all([graph, averaged].map((each) => evaluateGraph(engine, each)));
    expect(before).toHaveLength(ofRows ? 5 : 25);
    for (const [i, value] of before!.entries()) expect(after![i]).toBeCloseTo(value, 5);
  });

  it.each([
    ['whose number of pixels is open', joinedSums([SHAPES[0], ['N', 2, 'height', 3]], false)],
    ['of another rank', joinedSums([SHAPES[0], ['N', 2, 3, 3, 2]], false)],
    ['that something else reads', joinedSums(SHAPES, false, true)],
  ])('leaves sums alone %s', (_, graph) => {
    expect(opTypes(averagePixels(graph))).toEqual(opTypes(graph));
  });
});

import { describe, expect, it } from 'vitest';
import { evaluateGraph } from '../../../../test/fixtures/dent/evaluate-graph.ts';
import { startEngine } from '../../../../test/fixtures/engine/start-engine.ts';
import { type Dim, type Graph, GraphBuilder, type Value } from '../../../onnx/index.ts';
import { BATCH } from '../../batch-axis.ts';
import { rowsAsChannels } from './rows-as-channels.ts';

const engine = startEngine();

const opTypes = (graph: Graph) => graph.nodes.map((node) => node.opType);
const variable = (name: string, shape: readonly Dim[]): Value => ({ name, type: { dataType: 1, shape } });

/** scale * x + shift with x [N, 3, 2, 4]. */
function affine(shape: readonly Dim[], wideShape: readonly Dim[] = [BATCH, 3, 2, 4]): Graph {
  const b = new GraphBuilder();
  const [x, scale, shift] = [variable('x', wideShape), variable('scale', shape), variable('shift', shape)];
  const product = b.op('Mul', [scale, x], { shape: wideShape });
  const sum = b.op('Add', [product, shift], { name: 'y', shape: wideShape });
  return b.build('affine', [x, scale, shift], [sum]);
}

describe('rowsAsChannels', () => {
  it('joins rows and channels around a product and a sum, once, and changes no number', async () => {
    const graph = affine([BATCH, 3, 1, 1]);
    const joined = rowsAsChannels(graph);
    const types = opTypes(joined);
    // Of the activation, the scale and the shift, and back: nothing goes back between product and sum.
    expect(types.filter((opType) => opType === 'Reshape')).toHaveLength(4);
    expect(joined.outputs).toEqual(graph.outputs);
    const [before, after] = await Promise.all([graph, joined].map((each) => evaluateGraph(engine, each)));
    expect(before).toHaveLength(5 * 24);
    expect(after).toEqual(before);
  });

  it.each([
    ['for all rows', affine([1, 3, 1, 1])],
    ['for each pixel', affine([BATCH, 3, 2, 4])],
    ['of another rank', affine([BATCH, 3, 1], [BATCH, 3, 4])],
    ['beside an activation that is itself one for each row', affine([BATCH, 3, 1, 1], [BATCH, 3, 1, 1])],
  ])('leaves numbers alone %s', (_, graph) => {
    expect(opTypes(rowsAsChannels(graph))).toEqual(opTypes(graph));
  });
});

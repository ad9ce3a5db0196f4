import { describe, expect, it } from 'vitest';
import { evaluateGraph } from '../../../../test/fixtures/dent/evaluate-graph.ts';
import { startEngine } from '../../../../test/fixtures/engine/start-engine.ts';
import { type Dim, type Graph, GraphBuilder, type Value } from '../../../onnx/index.ts';
import { fuseAffine } from './fuse-affine.ts';

const engine = startEngine();

const variable = (name: string, shape: readonly Dim[]): Value => ({ name, type: { dataType: 1, shape } });
const opTypes = (graph: Graph) => graph.nodes.map((node) => node.opType);

/** x * scale + shift with x [N, 3, 2, 2]; all three are inputs. */
function affine(
  scaleShape: readonly Dim[],
  shiftShape: readonly Dim[] = scaleShape,
  xShape: readonly Dim[] = ['N', 3, 2, 2],
): Graph {
  const b = new GraphBuilder();
  const [x, scale, shift] = [
    variable('x', xShape),
    variable('scale', scaleShape),
    variable('shift', shiftShape),
  ];
  const product = b.op('Mul', [x, scale], { shape: xShape });
  return b.build('affine', [x, scale, shift], [b.op('Add', [product, shift], { name: 'y', shape: xShape })]);
}

const run = (graph: Graph) => evaluateGraph(engine, graph);

describe('fuseAffine', () => {
  it.each<readonly [string, readonly Dim[]]>([
    ['each row', ['N', 3, 1, 1]],
    ['the batch', [1, 3, 1, 1]],
  ])('makes one pass of a scale and a shift for %s, and changes no number', async (_whose, shape) => {
    const graph = affine(shape);
    const fused = fuseAffine(graph);
    expect(opTypes(fused)).toContain('BatchNormalization');
    expect(fused.outputs).toEqual(graph.outputs);
    const [before, after] = await Promise.all([run(graph), run(fused)]);
    for (const [i, value] of before.entries()) expect(after[i]).toBeCloseTo(value, 6);
  });

  it.each<readonly [string, Graph]>([
    ['of single pixels', affine(['N', 3, 2, 2])],
    ['of rows alone', affine(['N', 1, 1, 1])],
    ['of scale by row and shift by batch', affine(['N', 3, 1, 1], [1, 3, 1, 1])],
    ['without spatial axes', affine(['N', 3], ['N', 3], ['N', 3])],
    ['of an open size', affine(['N', 3, 1, 1], ['N', 3, 1, 1], ['N', 3, 'h', 'w'])],
    ['of an open number of channels', affine(['N', 'c', 1, 1], ['N', 'c', 1, 1], ['N', 'c', 2, 2])],
  ])('leaves a sum and product %s', (_what, graph) => {
    expect(opTypes(fuseAffine(graph))).toEqual(['Mul', 'Add']);
  });

  it('leaves a product that something else reads, too', () => {
    const graph = affine([1, 3, 1, 1]);
    const b = new GraphBuilder();
    for (const node of graph.nodes) b.append(node);
    const other = b.op('Neg', [graph.nodes[0]!.outputs[0]!], { name: 'other' });
    const fused = fuseAffine(b.build('g', graph.inputs, [...graph.outputs, other]));
    expect(opTypes(fused)).toEqual(['Mul', 'Add', 'Neg']);
  });

  it('tells rows with their own scale from the batch with one, for as many channels', async () => {
    const shape = ['N', 3, 2, 2];
    const [x, own, common] = [
      variable('x', shape),
      variable('own', ['N', 3, 1, 1]),
      variable('common', [1, 3, 1, 1]),
    ];
    const b = new GraphBuilder();
    const step = (value: Value, factor: Value, name: string) =>
      b.op('Add', [b.op('Mul', [value, factor], { shape }), factor], { name, shape });
    const y = step(step(step(x, common, 'first'), own, 'second'), common, 'y');
    const graph = b.build('g', [x, own, common], [y]);
    const fused = fuseAffine(graph);
    expect(opTypes(fused).filter((op) => op === 'BatchNormalization')).toHaveLength(3);
    const [before, after] = await Promise.all([run(graph), run(fused)]);
    for (const [i, value] of before.entries()) expect(after[i]).toBeCloseTo(value, 5);
  });
});

import { describe, expect, it } from 'vitest';
import { startEngine } from '../../../../test/fixtures/engine/start-engine.ts';
import {
  type Dim,
  type Graph,
  GraphBuilder,
  type Model,
  toIntegers,
  type Value,
} from '../../../onnx/index.ts';
import { measureShapes, type ProbeShape } from './measure-shapes.ts';

const engine = startEngine();

const FIXED: ProbeShape = { channels: 3, height: 8, width: 6, openSize: false };
const OPEN: ProbeShape = { ...FIXED, openSize: true };

const image = (shape: readonly Dim[] = ['batch', 3, 8, 6]): Value => ({
  name: 'image',
  type: { dataType: 1, shape },
});

const modelOf = (graph: Graph): Model => ({
  irVersion: 8,
  opset: 18,
  otherDomains: {},
  producer: '',
  metadata: {},
  graph,
});

async function measure(
  write: (b: GraphBuilder, x: Value) => Value,
  probe: ProbeShape = FIXED,
  x: Value = image(),
): Promise<{ graph: Graph; output: Value; x: Value }> {
  const b = new GraphBuilder();
  const output = write(b, x);
  const { graph } = await measureShapes(modelOf(b.build('g', [x], [output])), probe, engine);
  return { graph, output, x };
}

const opTypes = (graph: Graph) => graph.nodes.map((node) => node.opType);

describe('measureShapes', () => {
  it('finds the batch axis wherever it goes', async () => {
    const inner = { pooled: {} as Value, turned: {} as Value };
    const { output, x } = await measure((b, image) => {
      inner.pooled = b.op('MaxPool', [image], { attributes: { kernel_shape: [2, 2], strides: [2, 2] } });
      inner.turned = b.op('Transpose', [inner.pooled], { attributes: { perm: [1, 0, 2, 3] } });
      return b.op('Flatten', [inner.turned], { attributes: { axis: 2 } });
    });
    expect(x.type).toEqual({ dataType: 1, shape: ['N', 3, 8, 6] });
    expect(inner.pooled.type).toEqual({ dataType: 1, shape: ['N', 3, 4, 3] });
    expect(inner.turned.type).toEqual({ dataType: 1, shape: [3, 'N', 4, 3] });
    // Three times the batch is a separate size.
    expect(output.type).toEqual({ dataType: 1, shape: ['d6_9', 12] });
  });

  it('tells a fixed size from the batch, whatever the size', async () => {
    const { output } = await measure((b, x) => b.op('Slice', [x, b.ints([0]), b.ints([2]), b.ints([2])]));
    expect(output.type?.shape).toEqual(['N', 3, 2, 6]);
  });

  it('leaves open sizes open', async () => {
    const { output, x } = await measure(
      (b, image) => b.op('GlobalAveragePool', [image]),
      OPEN,
      image(['batch', 3, 'h', 'w']),
    );
    expect(x.type?.shape).toEqual(['N', 3, 'd8_40', 'd6_38']);
    expect(output.type?.shape).toEqual(['N', 3, 1, 1]);
  });

  it('turns shape arithmetic into constants where the batch plays no part', async () => {
    const { graph, output } = await measure((b, x) => {
      const shape = b.op('Shape', [x]);
      const channels = b.op('Gather', [shape, b.ints([1])]);
      const twice = b.op('Mul', [channels, b.ints([8])], { name: 'twice' });
      const target = b.op('Concat', [b.ints([-1]), twice, b.ints([6])], { attributes: { axis: 0 } });
      return b.op('Reshape', [x, target]);
    });
    expect(opTypes(graph)).toEqual(['Reshape']);
    expect(output.type?.shape).toEqual(['N', 24, 6]);
    expect(toIntegers(graph.initializers.get(graph.nodes[0]!.inputs[1]!)!)).toEqual([-1, 24, 6]);
  });

  it('leaves shape arithmetic in the graph where it follows the batch', async () => {
    const { graph, output } = await measure((b, x) => {
      const rows = b.op('Gather', [b.op('Shape', [x]), b.ints([0])]);
      const target = b.op('Concat', [rows, b.ints([-1])], { attributes: { axis: 0 } });
      return b.op('Reshape', [x, target]);
    });
    expect(opTypes(graph)).toEqual(['Shape', 'Gather', 'Concat', 'Reshape']);
    expect(output.type?.shape).toEqual(['N', 144]);
  });

  it('takes no pixel for a constant, though all it is shown are zeros', async () => {
    const { graph } = await measure((b, x) => b.op('Exp', [b.op('ReduceSum', [x])]));
    expect(opTypes(graph)).toEqual(['ReduceSum', 'Exp']);
  });

  it('keeps the types of what it computes from shapes', async () => {
    const shape = { name: '' } as Value;
    await measure((b, x) => {
      const size = b.op('Shape', [x]);
      Object.assign(shape, size);
      const rows = b.op('Cast', [b.op('Gather', [size, b.int(0)], { name: 'rows' })], {
        attributes: { to: 1 },
      });
      return b.op('Div', [x, rows]);
    });
    expect(shape.type?.dataType).toBe(7);
  });

  it('measures what a body takes from around it', async () => {
    const { graph, output } = await measure((b, x) => {
      const branch = (op: string) => {
        const inner = new GraphBuilder();
        return { graph: inner.build(op, [], [inner.op(op, [x])]) };
      };
      const isSquare = b.op('Equal', [b.op('Gather', [b.op('Shape', [x]), b.int(2)]), b.int(6)]);
      return b.op('If', [isSquare], {
        attributes: { then_branch: branch('Exp'), else_branch: branch('GlobalMaxPool') },
      });
    });
    expect(opTypes(graph)).toEqual(['If']);
    expect(output.type?.shape).toEqual(['N', 3, 1, 1]);
  });

  it('reports a model that ONNX Runtime cannot run for several rows', async () => {
    const run = measure((b, x) => b.op('Reshape', [x, b.ints([1, 144])], { name: 'flatten' }));
    await expect(run).rejects.toThrow(/flatten/);
  });
});

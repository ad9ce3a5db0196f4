import { describe, expect, it } from 'vitest';
import type { OpOptions } from '../onnx/index.ts';
import { DATA_TYPE, type Dim, float32Constant, GraphBuilder, type Value } from '../onnx/index.ts';
import { appendGradients } from './index.ts';

/** A call that the op's rule does not cover, and how the error ends. */
interface Refusal {
  readonly op: string;
  readonly write: (b: GraphBuilder, x: Value) => readonly (Value | null)[];
  readonly x?: readonly Dim[];
  readonly attributes?: OpOptions['attributes'];
  readonly says: string;
}

const image = ['N', 4, 6, 6] as const;
const zeros = (b: GraphBuilder, ...dims: number[]): Value =>
  b.constant(float32Constant(dims, new Float32Array(dims.reduce((p, d) => p * d, 1))));
/** A value that is only known at run time. */
const computed = (b: GraphBuilder): Value => b.op('Shape', [b.float(0)]);
/** A value that depends on the adapted values. */
const adapted = (b: GraphBuilder, x: Value, shape: readonly Dim[]): Value => b.op('Neg', [x], { shape });

const REFUSALS: readonly Refusal[] = [
  {
    op: 'Conv',
    write: (b, x) => [x, adapted(b, x, [4, 4, 3, 3])],
    says: 'a kernel or bias that varies',
  },
  {
    op: 'Conv',
    x: ['N', 4, 'h', 'w'],
    write: (b, x) => [x, zeros(b, 4, 4, 3, 3)],
    attributes: { strides: [2, 2], auto_pad: 'SAME_UPPER' },
    says: 'a spatial axis of open size',
  },
  {
    op: 'ConvTranspose',
    write: (b, x) => [x, adapted(b, x, [4, 4, 3, 3])],
    says: 'a kernel or bias that varies',
  },
  {
    op: 'ConvTranspose',
    write: (b, x) => [x, zeros(b, 4, 4, 3, 3)],
    attributes: { auto_pad: 'SAME_UPPER' },
    says: 'auto_pad SAME_UPPER',
  },
  {
    op: 'ConvTranspose',
    write: (b, x) => [x, zeros(b, 4, 4, 3, 3)],
    attributes: { output_shape: [12, 12] },
    says: 'a given output_shape',
  },
  {
    op: 'MaxPool',
    write: (_b, x) => [x],
    attributes: { kernel_shape: [2, 2], storage_order: 1 },
    says: 'column-major indices',
  },
  { op: 'AveragePool', write: (_b, x) => [x], says: 'a missing kernel_shape' },
  {
    op: 'AveragePool',
    x: ['N', 'c', 6, 6],
    write: (_b, x) => [x],
    attributes: { kernel_shape: [2, 2] },
    says: 'an open number of channels',
  },
  {
    op: 'LRN',
    x: ['N', 'c', 6, 6],
    write: (_b, x) => [x],
    attributes: { size: 3 },
    says: 'an open number of channels',
  },
  {
    op: 'PRelu',
    write: (b, x) => [x, adapted(b, x, image)],
    says: 'a slope that varies',
  },
  {
    op: 'BatchNormalization',
    write: (b, x) => [x, zeros(b, 4), zeros(b, 4), zeros(b, 4), zeros(b, 4)],
    attributes: { training_mode: 1 },
    says: 'training mode',
  },
  {
    op: 'LayerNormalization',
    write: (b, x) => [x, adapted(b, x, [6])],
    says: 'a scale or shift that varies',
  },
  {
    op: 'InstanceNormalization',
    write: (b, x) => [x, zeros(b, 4), adapted(b, x, [4])],
    says: 'a scale or shift that varies',
  },
  {
    op: 'Einsum',
    write: (b, x) => [x, zeros(b, 1, 6)],
    attributes: { equation: '...ij,ij->...i' },
    says: 'the equation "...ij,ij->...i" (an axis of size one that is repeated)',
  },
  {
    op: 'Einsum',
    write: (_b, x) => [x],
    attributes: { equation: 'abcc->ab' },
    says: 'the equation "abcc->ab" (a diagonal, or axes that some factors lack)',
  },
  { op: 'ReduceMean', write: (b, x) => [x, computed(b)], says: 'reducing over axes that are computed' },
  { op: 'Slice', write: (b, x) => [x, computed(b), b.ints([1])], says: 'a start that is computed' },
  { op: 'Slice', write: (b, x) => [x, b.ints([0]), computed(b)], says: 'an end that is computed' },
  {
    op: 'Slice',
    write: (b, x) => [x, b.ints([1]), b.ints([2]), b.ints([0])],
    says: 'cutting along an open axis',
  },
  { op: 'Pad', write: (b, x) => [x, computed(b)], says: 'a padding that is computed' },
  {
    op: 'Pad',
    write: (b, x) => [x, b.ints([1, 0, 0, 0, 1, 0, 0, 0])],
    attributes: { mode: 'reflect' },
    says: 'padding an open axis by reflect',
  },
  {
    op: 'ScatterND',
    write: (b, x) => [x, b.ints([0]), adapted(b, x, [4, 6, 6])],
    attributes: { reduction: 'max' },
    says: 'the reduction max',
  },
  {
    op: 'GatherND',
    write: (b, x) => [x, b.ints([0])],
    attributes: { batch_dims: 1 },
    says: 'batch_dims',
  },
  { op: 'Tile', write: (b, x) => [x, computed(b)], says: 'a number of copies that is computed' },
  {
    op: 'MeanVarianceNormalization',
    write: (_b, x) => [x],
    says: 'statistics over the rows of a batch',
  },
  {
    op: 'Concat',
    write: (_b, x) => [x, x],
    attributes: { axis: 0 },
    says: 'joining parts whose sizes are open',
  },
];

describe('a rule refuses what it does not cover', () => {
  it.each(REFUSALS)('$op: $says', ({ op, write, x: dims = image, attributes = {}, says }) => {
    const b = new GraphBuilder();
    const x: Value = { name: 'x', type: { dataType: DATA_TYPE.float32, shape: dims } };
    const y = b.op(op, write(b, x), { name: 'layer/7', attributes, shape: dims });
    const objective = b.op('ReduceSum', [y], { attributes: { keepdims: 0 }, shape: [] });
    expect(() => appendGradients(b, objective, [x])).toThrow(
      `${op} "layer/7": ${says} has no gradient rule.`,
    );
  });

  it('Split: a part that is left out', () => {
    const b = new GraphBuilder();
    const x: Value = { name: 'x', type: { dataType: DATA_TYPE.float32, shape: image } };
    const y: Value = { name: 'y', type: { dataType: DATA_TYPE.float32, shape: ['N', 2, 6, 6] } };
    const axis = { kind: 'int', value: 1 } as const;
    const inputs = [x, b.ints([2, 2])];
    b.append({ opType: 'Split', domain: '', name: 's', inputs, outputs: [y, null], attributes: { axis } });
    const objective = b.op('ReduceSum', [y], { attributes: { keepdims: 0 }, shape: [] });
    expect(() => appendGradients(b, objective, [x])).toThrow(
      'Split "s": a part that is left out has no gradient rule.',
    );
  });

  it('names the input that a node lacks', () => {
    const b = new GraphBuilder();
    const x: Value = { name: 'x', type: { dataType: DATA_TYPE.float32, shape: image } };
    const y = b.op('PRelu', [x, null], { name: 'layer/7', shape: image });
    const objective = b.op('ReduceSum', [y], { attributes: { keepdims: 0 }, shape: [] });
    expect(() => appendGradients(b, objective, [x])).toThrow('PRelu "layer/7" lacks its input 1.');
  });
});

import { describe, expect, it } from 'vitest';
import { startCompiler } from '../../test/fixtures/dent/compiler.ts';
import {
  body,
  chain,
  head,
  imageType,
  modelOf,
  type Write,
  weights,
} from '../../test/fixtures/dent/models.ts';
import { float32Constant, GraphBuilder, type Value } from '../onnx/index.ts';

const { compileWith, expectSame } = startCompiler();

const fixed = { ...imageType, shape: [1, 3, 6, 8] } as const;

describe('a model for one row', () => {
  const reshaped = (target: readonly number[]): Write =>
    chain(
      body,
      (b, x) => b.op('Reshape', [x, b.ints(target)], { name: 'view' }),
      (b, x) => b.op('MatMul', [x, weights(b, [192, 5], 4)]),
    );
  const shuffled = (rows: number): Write =>
    chain(
      body,
      (b, x) => b.op('Reshape', [x, b.ints([rows, 2, 2, 6, 8])]),
      (b, x) => b.op('Transpose', [x], { attributes: { perm: [0, 2, 1, 3, 4] } }),
      (b, x) => b.op('Reshape', [x, b.ints([rows, 4, 6, 8])]),
      head,
    );

  it.each([
    ['a flattening', reshaped([1, -1]), reshaped([-1, 192])],
    ['a flattening of known size', reshaped([1, 192]), reshaped([-1, 192])],
    ['channels in groups', shuffled(1), shuffled(-1)],
  ])('takes any number of rows: %s', (_title, one, any) =>
    expectSame(modelOf(one, { type: fixed }), modelOf(any)),
  );

  it('is refused by the node that keeps the number', async () => {
    const token: Write = (b, x) =>
      b.op('Concat', [weights(b, [1, 5], 7), x], { name: 'token', attributes: { axis: 1 } });
    const model = modelOf(chain(body, head, token), { type: fixed });
    await expect(compileWith(model)).rejects.toThrow(
      'The model was exported for batches of 1, and Concat "token" keeps it from taking others; export it with a dynamic batch axis.',
    );
  });

  it('is refused where its rows would mix', async () => {
    const mixing = chain(
      body,
      (b, x) => b.op('Reshape', [x, b.ints([1, 4, 48])]),
      (b, x) => b.op('Transpose', [x], { attributes: { perm: [1, 0, 2] } }),
      (b, x) => b.op('Reshape', [x, b.ints([4, 48])], { name: 'merge' }),
      (b, x) => b.op('Reshape', [x, b.ints([1, 192])], { name: 'mix' }),
      (b, x) => b.op('MatMul', [x, weights(b, [192, 5], 4)]),
    );
    await expect(compileWith(modelOf(mixing, { type: fixed }))).rejects.toThrow(
      /^The model was exported for batches of 1, and Reshape "\w+" keeps it/,
    );
  });
});

describe('sequences', () => {
  /** Cuts the channels into parts and joins them in another order. */
  const shuffled =
    (write: (b: GraphBuilder, x: Value) => readonly Value[]): Write =>
    (b, x) =>
      b.op('Concat', write(b, x), { attributes: { axis: 1 } });
  const sequence =
    (split: (b: GraphBuilder) => Value, indices: readonly number[]) => (b: GraphBuilder, x: Value) => {
      const parts = b.op('SplitToSequence', [x, split(b)], { attributes: { axis: 1 } });
      return indices.map((i) => b.op('SequenceAt', [parts, b.int(i)]));
    };
  const split = (sizes: readonly number[], indices: readonly number[]) => (b: GraphBuilder, x: Value) => {
    const parts = b.multi('Split', [x, b.ints(sizes)], sizes.length, { attributes: { axis: 1 } });
    return indices.map((i) => parts[i]!);
  };

  it.each([
    ['parts of one size', sequence((b) => b.int(3), [1, 0]), split([3, 1], [1, 0])],
    ['parts of given sizes', sequence((b) => b.ints([1, 2, 1]), [-1, 0, 1]), split([1, 2, 1], [2, 0, 1])],
  ])('of %s are read as slices', (_title, parts, same) =>
    expectSame(modelOf(chain(body, shuffled(parts), head)), modelOf(chain(body, shuffled(same), head))),
  );
});

describe('branches', () => {
  const branch = (x: Value, write: Write) => {
    const inside = new GraphBuilder();
    return { graph: inside.build('branch', [], [write(inside, x)]) };
  };
  /** One branch if x has the given number of channels, otherwise the other. */
  const choice =
    (channels: number, one: Write, other: Write): Write =>
    (b, x) => {
      const found = b.op('Gather', [b.op('Shape', [x]), b.int(1)]);
      const attributes = { then_branch: branch(x, one), else_branch: branch(x, other) };
      return b.op('If', [b.op('Equal', [found, b.int(channels)])], { name: 'choice', attributes });
    };
  const always =
    (write: Write): Write =>
    (b, x) => {
      const attributes = { then_branch: branch(x, write), else_branch: branch(x, odd) };
      return b.op('If', [b.bool(true)], { name: 'choice', attributes });
    };
  const halved: Write = (b, x) => b.op('Mul', [x, weights(b, [4, 1, 1], 8)]);
  const odd: Write = (b, x) => b.op('Sinh', [x]);

  it.each([
    ['the first', choice(4, halved, odd), 18],
    ['the second', choice(5, odd, halved), 18],
    ['one by a constant, in an older operator set', always(halved), 13],
    ['one inside of another, in an older operator set', choice(4, choice(3, odd, halved), odd), 13],
  ])('that follow from shapes are taken: %s', (_title, write, opset) =>
    expectSame(modelOf(chain(body, write, head), { opset }), modelOf(chain(body, halved, head), { opset })),
  );

  it('that follow from pixels are refused by name', async () => {
    const byPixels: Write = (b, x) => {
      const mean = b.op('ReduceMean', [x], { attributes: { keepdims: 0 } });
      const attributes = { then_branch: branch(x, halved), else_branch: branch(x, odd) };
      return b.op('If', [b.op('Greater', [mean, 0])], { name: 'choice', attributes });
    };
    await expect(compileWith(modelOf(chain(body, byPixels, head)))).rejects.toThrow(
      'If "choice" (opset 18) has no gradient rule, so nothing before it can be adapted. docs/operators.md says what has a gradient rule; recipes of 0 steps, such as static, need none.',
    );
  });
});

it('may compute positions from the number of its rows, by operators without a rule', async () => {
  const positions: Write = (b, x) => {
    const ones = b.op('ConstantOfShape', [b.op('Shape', [x])], {
      attributes: { value: { kind: 'tensor', value: float32Constant([1], [1]) } },
    });
    const columns = b.op('CumSum', [ones, b.int(3)]);
    return b.op('Add', [x, b.op('Mul', [columns, weights(b, [4, 1, 1], 8)])]);
  };
  const literal: Write = (b, x) => {
    const grid = Float32Array.from({ length: 48 }, (_, i) => (i % 8) + 1);
    const columns = b.constant(float32Constant([1, 1, 6, 8], grid));
    return b.op('Add', [x, b.op('Mul', [columns, weights(b, [4, 1, 1], 8)])]);
  };
  await expectSame(modelOf(chain(body, positions, head)), modelOf(chain(body, literal, head)), {
    tolerance: 1e-5,
  });
});

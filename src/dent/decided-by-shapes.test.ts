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

  /** Windows of half the image, as rows of their own. */
  const windows =
    (rows: number, alone: readonly number[], written: Write): Write =>
    (b, x) => {
      const apart = written(b, b.op('Reshape', [body(b, x), b.ints([rows, 4, 6, 2, 4])]));
      const turned = b.op('Transpose', [apart], { attributes: { perm: [0, 3, 1, 2, 4] } });
      const windowed = b.op('Reshape', [turned, b.ints(alone)]);
      const soft = b.op('Softmax', [windowed], { attributes: { axis: -1 } });
      const joined = b.op('Reshape', [soft, b.ints([rows, 192])]);
      return b.op('MatMul', [joined, weights(b, [192, 5], 4)]);
    };
  const asIs: Write = (_b, x) => x;
  /** The same shape again, its sizes taken from the value, but for the number of rows. */
  const again: Write = (b, x) => {
    const sizes = b.op('Slice', [b.op('Shape', [x]), b.ints([1]), b.ints([5])]);
    const shape = b.op('Concat', [b.ints([1]), sizes], { attributes: { axis: 0 } });
    return b.op('Reshape', [x, shape], { name: 'again' });
  };
  const token =
    (repeated: (b: GraphBuilder, token: Value, x: Value) => Value): Write =>
    (b, x) => {
      const places = b.op('Reshape', [body(b, x), b.ints([0, 4, 48])]);
      const joined = b.op('Concat', [repeated(b, weights(b, [1, 4, 1], 7), x), places], {
        attributes: { axis: 2 },
      });
      const mean = b.op(
        'ReduceMean',
        [b.op('Softmax', [joined], { attributes: { axis: -1 } }), b.ints([2])],
        {
          attributes: { keepdims: 0 },
        },
      );
      const first = b.op('Gather', [joined, b.int(0)], { attributes: { axis: 2 } });
      return b.op('MatMul', [b.op('Add', [mean, first]), weights(b, [4, 5], 2)]);
    };
  const forEachRow = (b: GraphBuilder, value: Value, x: Value) => {
    const count = b.op('Shape', [x], { attributes: { start: 0, end: 1 } });
    const shape = b.op('Concat', [count, b.ints([1, 1])], { attributes: { axis: 0 } });
    return b.op('Expand', [value, shape]);
  };

  it.each([
    ['a token that is joined to it', token((_b, value) => value), token(forEachRow)],
    [
      'a token that is repeated once',
      token((b, value) => b.op('Expand', [value, b.ints([1, 4, 1])])),
      token(forEachRow),
    ],
    ['parts as rows', windows(1, [2, 4, -1], asIs), windows(-1, [-1, 4, 24], asIs)],
    ['sizes that are computed', windows(1, [2, 4, 24], again), windows(-1, [-1, 4, 24], asIs)],
    ['a flattening', reshaped([1, -1]), reshaped([-1, 192])],
    ['a flattening of known size', reshaped([1, 192]), reshaped([-1, 192])],
    ['channels in groups', shuffled(1), shuffled(-1)],
  ])('takes any number of rows: %s', (_title, one, any) =>
    expectSame(modelOf(one, { type: fixed }), modelOf(any)),
  );

  it('takes any number of rows where several were fixed, each with the same token', async () => {
    const tokens = token((b, value) => b.op('Concat', [value, value, value], { attributes: { axis: 0 } }));
    const three = modelOf(tokens, { type: { ...imageType, shape: [3, 3, 6, 8] } });
    await expectSame(three, modelOf(token(forEachRow)));
  });

  it('is refused by the node that keeps the number', async () => {
    const flat: Write = chain(
      (b, x) => b.op('Reshape', [x, b.ints([5])], { name: 'flat' }),
      (b, x) => b.op('Unsqueeze', [x, b.ints([0])]),
    );
    const model = modelOf(chain(body, head, flat), { type: fixed });
    await expect(compileWith(model)).rejects.toThrow(
      'The model was exported for batches of 1, and Reshape "flat" keeps it from taking others; export it with a dynamic batch axis.',
    );
  });

  it('is refused where each row has a token of its own', async () => {
    const tokens = token((b) => weights(b, [3, 4, 1], 7));
    const model = modelOf(tokens, { type: { ...imageType, shape: [3, 3, 6, 8] } });
    await expect(compileWith(model)).rejects.toThrow(/^The model was exported for batches of 3, and /);
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

import { describe, expect, it } from 'vitest';
import { startEngine } from '../../test/fixtures/engine/start-engine.ts';
import { InputError } from '../errors.ts';
import { DATA_TYPE, type Dim, encodeModel, GraphBuilder, type Value } from '../onnx/index.ts';
import { float32, type Tensor } from '../tensor.ts';
import { appendGradients, appendGradientsIfAny } from './index.ts';

const engine = startEngine();

/** The gradient of the scalar that `write` makes of x = [-1.5, 0.5, 2], by ONNX Runtime. */
async function gradientAt(write: (builder: GraphBuilder, x: Value) => Value): Promise<number[]> {
  const builder = new GraphBuilder();
  const x = variable('x', [3]);
  const [gradient] = appendGradients(builder, write(builder, x), [x]);
  const graph = builder.build('gradient', [x], [builder.op('Identity', [gradient!], { name: 'gradient' })]);
  const model = { irVersion: 8, opset: 18, otherDomains: {}, producer: '', metadata: {}, graph };
  const results = await engine.evaluate(encodeModel(model), { x: float32([3], [-1.5, 0.5, 2]) });
  return Array.from((results.gradient as Tensor<'float32'>).data);
}

const variable = (name: string, shape: readonly Dim[]): Value => ({
  name,
  type: { dataType: DATA_TYPE.float32, shape },
});

const sum = (builder: GraphBuilder, value: Value): Value =>
  builder.op('ReduceSum', [value], { attributes: { keepdims: 0 }, shape: [] });

const shape = [3] as const;

describe('appendGradients', () => {
  it('adds up what a value contributes along several ways', async () => {
    const gradient = await gradientAt((b, x) => {
      const square = b.op('Mul', [x, x], { shape });
      const cube = b.op('Mul', [square, x], { shape });
      return sum(b, b.op('Add', [b.op('Add', [cube, square], { shape }), x], { shape }));
    });
    expect(gradient).toEqual([-1.5, 0.5, 2].map((x) => 3 * x * x + 2 * x + 1));
  });

  it('gives each parameter its own gradient, in the order asked for', async () => {
    const b = new GraphBuilder();
    const [x, y] = [variable('x', [2]), variable('y', [2])];
    const objective = sum(b, b.op('Mul', [b.op('Mul', [x, 3], { shape: [2] }), y], { shape: [2] }));
    const gradients = appendGradients(b, objective, [y, x]);
    const outputs = gradients.map((value, i) => b.op('Identity', [value], { name: `g${i}` }));
    const graph = b.build('two', [x, y], outputs);
    const results = await engine.evaluate(
      encodeModel({ irVersion: 8, opset: 18, otherDomains: {}, producer: '', metadata: {}, graph }),
      { x: float32([2], [1, 2]), y: float32([2], [5, 7]) },
    );
    expect([...results.g0!.data]).toEqual([3, 6]);
    expect([...results.g1!.data]).toEqual([15, 21]);
  });

  it.each([
    ['is 0 at the bounds of ReLU6', 6, [0, 0, 1]],
    ['is 1 at the bounds of any other Clip', 5, [0, 1, 1]],
  ])('%s, as in PyTorch', async (_title, high, expected) => {
    const gradient = await gradientAt((b, x) => {
      const moved = b.op('Sub', [x, 0.5], { shape });
      return sum(b, b.op('Clip', [moved, b.float(0), b.float(high)], { shape }));
    });
    expect(gradient).toEqual(expected);
  });

  it('works in float64 where the objective does', async () => {
    const gradient = await gradientAt((b, x) => {
      const exact = b.op('Cast', [x], { attributes: { to: DATA_TYPE.float64 }, shape });
      const scaled = b.op('Div', [exact, b.double(8)], { shape });
      return sum(b, b.op('Mul', [scaled, scaled], { shape }));
    });
    expect(gradient).toEqual([-1.5, 0.5, 2].map((x) => x / 32));
  });

  it('takes a piecewise constant function for a constant', async () => {
    const gradient = await gradientAt((b, x) =>
      sum(b, b.op('Mul', [x, b.op('Floor', [x], { shape })], { shape })),
    );
    expect(gradient).toEqual([-2, 0, 2]);
  });

  it('asks for no rule behind a piecewise constant function', async () => {
    const gradient = await gradientAt((b, x) => {
      const steps = b.op('Sinh', [b.op('Floor', [x], { shape })], { shape });
      return sum(b, b.op('Mul', [x, steps], { shape }));
    });
    expect(gradient.map((g) => g.toFixed(4))).toEqual([-2, 0, 2].map((x) => Math.sinh(x).toFixed(4)));
  });

  it('asks for no rule before a piecewise constant function', async () => {
    const gradient = await gradientAt((b, x) => {
      const steps = b.op('Floor', [b.op('Sinh', [x], { shape })], { shape });
      return sum(b, b.op('Mul', [x, steps], { shape }));
    });
    expect(gradient).toEqual([-1.5, 0.5, 2].map((x) => Math.floor(Math.sinh(x))));
  });

  it('visits neither what the parameter does not reach nor what does not reach the objective', async () => {
    const gradient = await gradientAt((b, x) => {
      const beside = b.op('Sinh', [b.op('ConstantOfShape', [b.ints([3])], { shape })], { shape });
      b.op('Sinh', [x], { shape });
      return sum(b, b.op('Add', [x, beside], { shape }));
    });
    expect(gradient).toEqual([1, 1, 1]);
  });

  it('stays in float64 through what picks values out', async () => {
    const gradient = await gradientAt((b, x) => {
      const exact = b.op('Cast', [x], { attributes: { to: DATA_TYPE.float64 }, shape });
      const squares = b.op('Mul', [exact, exact], { shape });
      const picked = b.op('GatherElements', [squares, b.ints([2, 0])], { shape: [2] });
      return b.op('ReduceSum', [picked], { attributes: { keepdims: 0 }, shape: [] });
    });
    expect(gradient).toEqual([-3, 0, 4]);
  });

  it('sends no gradient into whole numbers', async () => {
    const gradient = await gradientAt((b, x) => {
      const whole = b.op('Cast', [x], { attributes: { to: DATA_TYPE.int64 } });
      const back = b.op('Cast', [whole], { attributes: { to: DATA_TYPE.float32 }, shape });
      return sum(b, b.op('Mul', [x, back], { shape }));
    });
    expect(gradient).toEqual([-1, 0, 2]);
  });
});

describe('appendGradients refuses', () => {
  it('an op without a rule, by its kind and name', () => {
    const b = new GraphBuilder();
    const x = variable('x', [3]);
    const objective = sum(b, b.op('Sinh', [x], { name: 'head/odd', shape }));
    expect(() => appendGradients(b, objective, [x])).toThrow(
      new InputError('Sinh "head/odd" has no gradient rule, so no gradient passes it.'),
    );
  });

  it('an op of another domain, whatever its name', () => {
    const b = new GraphBuilder();
    const x = variable('x', [3]);
    const y = variable('y', [3]);
    b.append({ opType: 'Relu', domain: 'com.example', name: 'r', inputs: [x], outputs: [y], attributes: {} });
    expect(() => appendGradients(b, sum(b, y), [x])).toThrow('com.example.Relu "r" has no gradient rule');
  });

  it('a parameter that the objective does not depend on', () => {
    const b = new GraphBuilder();
    const [x, y] = [variable('x', [3]), variable('unused', [3])];
    b.op('Mul', [y, 2], { shape });
    expect(() => appendGradients(b, sum(b, x), [x, y])).toThrow(
      new InputError('The objective does not depend on "unused".'),
    );
  });

  it('a parameter that moves the objective in jumps alone, where a gradient is wanted', () => {
    const b = new GraphBuilder();
    const [x, y] = [variable('x', [3]), variable('rounded', [3])];
    const objective = sum(b, b.op('Add', [x, b.op('Round', [y], { shape })], { shape }));
    expect(() => appendGradients(b, objective, [x, y])).toThrow(
      new InputError('The objective does not depend on "rounded".'),
    );
    const [smooth, flat] = appendGradientsIfAny(b, objective, [x, y]);
    expect(smooth).not.toBeNull();
    expect(flat).toBeNull();
  });

  it('a shape it needs and does not know', () => {
    const b = new GraphBuilder();
    const x = variable('x', [3]);
    const hidden = b.op('Exp', [x], { name: 'hidden' });
    const objective = sum(b, b.op('Mul', [hidden, 2], { name: 'scaled', shape }));
    expect(() => appendGradients(b, objective, [x])).toThrow(
      new InputError('The shape of "hidden" at Mul "scaled" is unknown.'),
    );
  });

  it('a node of which only a side output is used', () => {
    const b = new GraphBuilder();
    const x = variable('x', [2, 3]);
    const ones = b.op('ConstantOfShape', [b.ints([3])], { shape: [3] });
    const [, mean] = b.multi('LayerNormalization', [x, ones], 2, { name: 'norm' });
    mean!.type = { dataType: DATA_TYPE.float32, shape: [2, 1] };
    expect(() => appendGradients(b, sum(b, mean!), [x])).toThrow(
      new InputError('LayerNormalization "norm" is only used by a side output, which has no gradient rule.'),
    );
  });
});

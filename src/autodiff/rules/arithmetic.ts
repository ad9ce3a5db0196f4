import type { Value } from '../../onnx/index.ts';
import { castLike } from '../shapes.ts';
import type { VjpContext, VjpEntry, VjpRule } from '../vjp.ts';

/**
 * d/dx f(x) * g: the rule of an elementwise function of one input. `product` writes its derivative times g.
 */
const unary = (product: (c: VjpContext, x: Value, g: Value) => Value): VjpEntry => ({
  vjp: (c) => [product(c, c.input(0), c.gradient)],
});

const div: VjpRule = (c) => {
  const overB = c.emit.op('Div', [c.gradient, c.input(1)]);
  return [
    c.needs(0) ? overB : null,
    c.needs(1) ? c.emit.op('Neg', [c.emit.op('Mul', [overB, c.output(0)])]) : null,
  ];
};

/** d/da a^b = b a^(b-1); d/db a^b = a^b ln a. */
const pow: VjpRule = (c) => {
  const { emit } = c;
  const a = c.input(0);
  // The exponent may be of another type than the base, which arithmetic may not mix.
  const b = castLike(emit, c.input(1), a);
  const base = () => emit.op('Mul', [b, emit.op('Pow', [a, emit.op('Sub', [b, 1])])]);
  const exponent = () => emit.op('Mul', [c.output(0), emit.op('Log', [a])]);
  return [
    c.needs(0) ? emit.op('Mul', [c.gradient, base()]) : null,
    c.needs(1) ? emit.op('Mul', [c.gradient, exponent()]) : null,
  ];
};

/** The gradient goes to the inputs that hold the extreme value, in equal parts where several do. */
const extremum: VjpRule = (c) => {
  const { emit } = c;
  const masks = c.node.inputs.map((_, i) =>
    castLike(emit, emit.op('Equal', [c.input(i), c.output(0)]), c.gradient),
  );
  const share = emit.op('Div', [c.gradient, emit.op('Sum', masks)]);
  return masks.map((mask, i) => (c.needs(i) ? emit.op('Mul', [mask, share]) : null));
};

const castBack = (c: VjpContext): Value => castLike(c.emit, c.gradient, c.input(0));

export const ARITHMETIC_RULES: Readonly<Record<string, VjpEntry>> = {
  Add: { broadcasts: true, vjp: (c) => [c.gradient, c.gradient] },
  Sub: { broadcasts: true, vjp: (c) => [c.gradient, c.needs(1) ? c.emit.op('Neg', [c.gradient]) : null] },
  Mul: {
    broadcasts: true,
    vjp: (c) => [
      c.needs(0) ? c.emit.op('Mul', [c.gradient, c.input(1)]) : null,
      c.needs(1) ? c.emit.op('Mul', [c.gradient, c.input(0)]) : null,
    ],
  },
  Div: { broadcasts: true, vjp: div },
  Pow: { broadcasts: true, vjp: pow },
  Sum: { broadcasts: true, vjp: (c) => c.node.inputs.map(() => c.gradient) },
  Mean: {
    broadcasts: true,
    vjp: (c) => {
      const share = c.emit.op('Div', [c.gradient, c.node.inputs.length]);
      return c.node.inputs.map(() => share);
    },
  },
  Min: { broadcasts: true, vjp: extremum },
  Max: { broadcasts: true, vjp: extremum },
  Where: {
    broadcasts: true,
    vjp: (c) => [
      null,
      c.needs(1) ? c.emit.op('Where', [c.input(0), c.gradient, 0]) : null,
      c.needs(2) ? c.emit.op('Where', [c.input(0), 0, c.gradient]) : null,
    ],
  },
  Identity: { vjp: (c) => [c.gradient] },
  Neg: unary((c, _x, g) => c.emit.op('Neg', [g])),
  Abs: unary((c, x, g) => c.emit.op('Mul', [g, c.emit.op('Sign', [x])])),
  Exp: unary((c, _x, g) => c.emit.op('Mul', [g, c.output(0)])),
  Log: unary((c, x, g) => c.emit.op('Div', [g, x])),
  Sqrt: unary((c, _x, g) => c.emit.op('Div', [c.emit.op('Mul', [g, 0.5]), c.output(0)])),
  Reciprocal: unary((c, _x, g) =>
    c.emit.op('Neg', [c.emit.op('Mul', [g, c.emit.op('Mul', [c.output(0), c.output(0)])])]),
  ),
  Sin: unary((c, x, g) => c.emit.op('Mul', [g, c.emit.op('Cos', [x])])),
  Cos: unary((c, x, g) => c.emit.op('Neg', [c.emit.op('Mul', [g, c.emit.op('Sin', [x])])])),
  Cast: { note: 'between floating-point types', vjp: (c) => [castBack(c)] },
  CastLike: { note: 'between floating-point types', vjp: (c) => [castBack(c), null] },
};

import { floatAttribute, stringAttribute, toFloat32, type Value } from '../../onnx/index.ts';
import { castLike } from '../shapes.ts';
import type { VjpContext, VjpEntry } from '../vjp.ts';

/**
 * 1 where the condition op(a, b) holds, else 0. Greater and Cast are fast in ONNX Runtime where Sign and
 * Where are slow.
 */
function mask(
  c: VjpContext,
  condition: 'Greater' | 'Less' | 'LessOrEqual',
  a: Value,
  b: Value | number,
): Value {
  return castLike(c.emit, c.emit.op(condition, [a, b]), c.gradient);
}

/** The slope of a HardSigmoid that is 0 at 0 and 1 at every positive number that is not denormal. */
const STEEP = 1e38;

/**
 * 1 where x > 0, for x >= 0. This HardSigmoid is too steep to have a middle; ONNX Runtime computes it in one
 * pass instead of two.
 */
function positive(c: VjpContext, x: Value): Value {
  return c.emit.op('HardSigmoid', [x], { attributes: { alpha: { float: STEEP }, beta: { float: 0 } } });
}

const times = (c: VjpContext, factor: Value): Value => c.emit.op('Mul', [c.gradient, factor]);

/** slope + (1 - slope) * [x > 0]: the derivative of x for positive x, slope * x otherwise. */
function leak(c: VjpContext, x: Value, slope: Value | number): Value {
  const { emit } = c;
  const rest = typeof slope === 'number' ? 1 - slope : emit.op('Sub', [1, slope]);
  return emit.op('Add', [emit.op('Mul', [mask(c, 'Greater', x, 0), rest]), slope]);
}

/** d/dx of a sigmoid-like output y: y * (1 - y). */
const sigmoidSlope = (c: VjpContext, y: Value): Value => c.emit.op('Mul', [y, c.emit.op('Sub', [1, y])]);

/** 1 where low < x < high. */
function between(c: VjpContext, x: Value, low: number, high: number): Value {
  return c.emit.op('Mul', [mask(c, 'Greater', x, low), mask(c, 'Less', x, high)]);
}

/** ReLU6: channels that are zero everywhere, as pruned ones, stand at its bound, and have no slope. */
const isRelu6 = (c: VjpContext): boolean =>
  [0, 6].every((bound, i) => {
    const given = c.node.inputs[i + 1];
    const constant = given && c.constantOf(given);
    return constant && toFloat32(constant)[0] === bound;
  });

function clip(c: VjpContext): Value {
  const { emit, node } = c;
  if (isRelu6(c)) return times(c, between(c, c.input(0), 0, 6));
  // The bounds themselves pass the gradient, as in PyTorch's clamp.
  const inside = (bound: Value | null | undefined, condition: 'Less' | 'Greater'): Value | null =>
    bound ? castLike(emit, emit.op('Not', [emit.op(condition, [c.input(0), bound])]), c.gradient) : null;
  const low = inside(node.inputs[1], 'Less');
  const high = inside(node.inputs[2], 'Greater');
  let gradient = c.gradient;
  if (low) gradient = emit.op('Mul', [gradient, low]);
  if (high) gradient = emit.op('Mul', [gradient, high]);
  return gradient;
}

/** HardSigmoid: max(0, min(1, alpha x + beta)). */
function hardSigmoid(c: VjpContext): Value {
  const alpha = floatAttribute(c.node, 'alpha', 0.2);
  const slope = c.emit.op('Mul', [between(c, c.output(0), 0, 1), alpha]);
  return times(c, slope);
}

/** HardSwish: x * max(0, min(1, x/6 + 1/2)); its derivative is 0 below -3, 1 above 3, x/3 + 1/2 between. */
function hardSwish(c: VjpContext): Value {
  const { emit } = c;
  const x = c.input(0);
  const middle = emit.op('Add', [emit.op('Mul', [x, 1 / 3]), 0.5]);
  const slope = emit.op('Add', [emit.op('Mul', [between(c, x, -3, 3), middle]), mask(c, 'Greater', x, 3)]);
  return times(c, slope);
}

/** PRelu: x for positive x, slope * x otherwise; the slope is a constant. */
function prelu(c: VjpContext): readonly (Value | null)[] {
  if (c.needs(1)) throw c.unsupported('a slope that varies');
  return [times(c, leak(c, c.input(0), c.input(1)))];
}

/** Elu: alpha (e^x - 1) for negative x, whose derivative there is y + alpha. */
function elu(c: VjpContext): Value {
  const { emit } = c;
  const alpha = floatAttribute(c.node, 'alpha', 1);
  const positive = mask(c, 'Greater', c.input(0), 0);
  const negativeSlope = emit.op('Mul', [emit.op('Sub', [1, positive]), emit.op('Add', [c.output(0), alpha])]);
  return times(c, emit.op('Add', [positive, negativeSlope]));
}

/** Selu: gamma times Elu. The derivative is gamma for positive x, and y + gamma alpha otherwise. */
function selu(c: VjpContext): Value {
  const { emit } = c;
  const alpha = floatAttribute(c.node, 'alpha', 1.6732631921768188);
  const gamma = floatAttribute(c.node, 'gamma', 1.0507010221481323);
  const negativeSlope = emit.op('Add', [c.output(0), gamma * alpha]);
  return times(c, emit.op('Where', [emit.op('Greater', [c.input(0), 0]), gamma, negativeSlope]));
}

/** Celu: alpha (e^(x / alpha) - 1) for negative x, whose derivative there is y / alpha + 1. */
function celu(c: VjpContext): Value {
  const { emit } = c;
  const scaled = emit.op('Mul', [c.output(0), 1 / floatAttribute(c.node, 'alpha', 1)]);
  return times(c, emit.op('Add', [emit.op('Min', [scaled, 0]), 1]));
}

/** Mish: x tanh(softplus x). With t that tanh, the derivative is t + x (1 - t^2) sigmoid(x). */
function mish(c: VjpContext): Value {
  const { emit } = c;
  const x = c.input(0);
  const t = emit.op('Tanh', [emit.op('Softplus', [x])]);
  const bend = emit.op('Mul', [emit.op('Sub', [1, emit.op('Mul', [t, t])]), emit.op('Sigmoid', [x])]);
  return times(c, emit.op('Add', [t, emit.op('Mul', [x, bend])]));
}

/** Swish (since operator set 24): x s with s = sigmoid(alpha x). The derivative is s + alpha x s (1 - s). */
function swish(c: VjpContext): Value {
  const { emit } = c;
  const scaled = emit.op('Mul', [c.input(0), floatAttribute(c.node, 'alpha', 1)]);
  const s = emit.op('Sigmoid', [scaled]);
  const bend = emit.op('Mul', [scaled, emit.op('Sub', [1, s])]);
  return times(c, emit.op('Mul', [s, emit.op('Add', [bend, 1])]));
}

/** Softsign: x / (1 + |x|), whose derivative is 1 / (1 + |x|)^2. */
function softsign(c: VjpContext): Value {
  const { emit } = c;
  const size = emit.op('Add', [emit.op('Abs', [c.input(0)]), 1]);
  return emit.op('Div', [c.gradient, emit.op('Mul', [size, size])]);
}

/** ThresholdedRelu: x above alpha, 0 below. */
const thresholdedRelu = (c: VjpContext): Value =>
  times(c, mask(c, 'Greater', c.input(0), floatAttribute(c.node, 'alpha', 1)));

/** Shrink: 0 within lambd of zero; beyond it x, moved by a constant. */
const shrink = (c: VjpContext): Value =>
  times(c, mask(c, 'Greater', c.emit.op('Abs', [c.input(0)]), floatAttribute(c.node, 'lambd', 0.5)));

/** d/dx erf(x) = 2 / sqrt(pi) * exp(-x^2). */
function erfSlope(c: VjpContext, x: Value): Value {
  const { emit } = c;
  return emit.op('Mul', [emit.op('Exp', [emit.op('Neg', [emit.op('Mul', [x, x])])]), 2 / Math.sqrt(Math.PI)]);
}

/** Gelu: x * Phi(x), or its tanh approximation (ONNX operator Gelu, opset 20). */
function gelu(c: VjpContext): Value {
  return times(
    c,
    stringAttribute(c.node, 'approximate', 'none') === 'tanh' ? tanhGeluSlope(c) : erfGeluSlope(c),
  );
}

function erfGeluSlope(c: VjpContext): Value {
  const { emit } = c;
  const x = c.input(0);
  const scaled = emit.op('Mul', [x, Math.SQRT1_2]);
  const phi = emit.op('Mul', [emit.op('Add', [emit.op('Erf', [scaled]), 1]), 0.5]);
  const density = emit.op('Mul', [erfSlope(c, scaled), 0.5 * Math.SQRT1_2]);
  return emit.op('Add', [phi, emit.op('Mul', [x, density])]);
}

/** With u = k (x + 0.044715 x^3) and t = tanh u: (1 + t) / 2 + x / 2 * (1 - t^2) * k (1 + 0.134145 x^2). */
function tanhGeluSlope(c: VjpContext): Value {
  const { emit } = c;
  const x = c.input(0);
  const k = Math.sqrt(2 / Math.PI);
  const square = emit.op('Mul', [x, x]);
  const u = emit.op('Mul', [emit.op('Mul', [x, emit.op('Add', [emit.op('Mul', [square, 0.044715]), 1])]), k]);
  const t = emit.op('Tanh', [u]);
  const du = emit.op('Mul', [emit.op('Add', [emit.op('Mul', [square, 3 * 0.044715]), 1]), k]);
  const bend = emit.op('Mul', [
    emit.op('Sub', [1, emit.op('Mul', [t, t])]),
    emit.op('Mul', [du, emit.op('Mul', [x, 0.5])]),
  ]);
  return emit.op('Add', [emit.op('Mul', [emit.op('Add', [t, 1]), 0.5]), bend]);
}

export const ACTIVATION_RULES: Readonly<Record<string, VjpEntry>> = {
  Relu: { vjp: (c) => [times(c, positive(c, c.output(0)))] },
  Clip: { vjp: (c) => [clip(c)] },
  LeakyRelu: { vjp: (c) => [times(c, leak(c, c.input(0), floatAttribute(c.node, 'alpha', 0.01)))] },
  PRelu: { broadcasts: true, vjp: prelu, note: 'with a constant slope' },
  Elu: { vjp: (c) => [elu(c)] },
  Sigmoid: { vjp: (c) => [times(c, sigmoidSlope(c, c.output(0)))] },
  Tanh: { vjp: (c) => [times(c, c.emit.op('Sub', [1, c.emit.op('Mul', [c.output(0), c.output(0)])]))] },
  HardSigmoid: { vjp: (c) => [hardSigmoid(c)] },
  HardSwish: { vjp: (c) => [hardSwish(c)] },
  Softplus: { vjp: (c) => [times(c, c.emit.op('Sigmoid', [c.input(0)]))] },
  Erf: { vjp: (c) => [times(c, erfSlope(c, c.input(0)))] },
  Gelu: { vjp: (c) => [gelu(c)] },
  Selu: { vjp: (c) => [selu(c)] },
  Celu: { vjp: (c) => [celu(c)] },
  Mish: { vjp: (c) => [mish(c)] },
  Swish: { vjp: (c) => [swish(c)] },
  Softsign: { vjp: (c) => [softsign(c)] },
  ThresholdedRelu: { vjp: (c) => [thresholdedRelu(c)] },
  Shrink: { vjp: (c) => [shrink(c)] },
};

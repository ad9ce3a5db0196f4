import { intAttribute, toIntegers, type Value } from '../../onnx/index.ts';
import { expandLike, fromFront } from '../shapes.ts';
import type { VjpContext, VjpEntry } from '../vjp.ts';
import { elementsAlong, SMALLEST_NORM, toHolders } from './over-axes.ts';

/**
 * The axes that a Reduce op sums over (opset 18: an input; absent means all, or none with
 * noop_with_empty_axes).
 */
function reducedAxes(c: VjpContext): number[] {
  const rank = c.shapeOf(c.input(0)).length;
  const axes = c.node.inputs[1];
  const constant = axes && c.constantOf(axes);
  if (axes && !constant) throw c.unsupported('reducing over axes that are computed');
  const given = constant ? toIntegers(constant).map((axis) => fromFront(axis, rank)) : [];
  if (given.length > 0) return given;
  return intAttribute(c.node, 'noop_with_empty_axes', 0)
    ? []
    : Array.from({ length: rank }, (_, axis) => axis);
}

/** `value`, which has the output's shape, with the reduced axes put back at size one. */
function keepAxes(c: VjpContext, value: Value, axes: readonly number[]): Value {
  if (axes.length === 0 || intAttribute(c.node, 'keepdims', 1)) return value;
  return c.emit.op('Unsqueeze', [value, c.emit.ints(axes)]);
}

function sum(c: VjpContext): Value {
  return expandLike(c.emit, keepAxes(c, c.gradient, reducedAxes(c)), c.input(0));
}

function mean(c: VjpContext): Value {
  const axes = reducedAxes(c);
  const share = c.emit.op('Div', [c.gradient, elementsAlong(c, axes)]);
  return expandLike(c.emit, keepAxes(c, share, axes), c.input(0));
}

/** The gradient of an extreme value, in equal parts to the elements that hold it. */
function extremum(c: VjpContext): Value {
  const axes = reducedAxes(c);
  if (axes.length === 0) return c.gradient;
  return toHolders(c, axes, keepAxes(c, c.output(0), axes), keepAxes(c, c.gradient, axes));
}

/** y = sqrt(sum of x^2): x / y. */
function norm(c: VjpContext): Value {
  const { emit } = c;
  const axes = reducedAxes(c);
  const share = emit.op('Div', [c.gradient, emit.op('Max', [c.output(0), SMALLEST_NORM])]);
  return emit.op('Mul', [c.input(0), keepAxes(c, share, axes)]);
}

function sumOfSquares(c: VjpContext): Value {
  const twice = c.emit.op('Mul', [c.gradient, 2]);
  return c.emit.op('Mul', [c.input(0), keepAxes(c, twice, reducedAxes(c))]);
}

/** y = sum of |x|: the sign of x. */
function sumOfSizes(c: VjpContext): Value {
  const share = keepAxes(c, c.gradient, reducedAxes(c));
  return c.emit.op('Mul', [share, c.emit.op('Sign', [c.input(0)])]);
}

/** y = log of the sum of x: e^-y. */
function logSum(c: VjpContext): Value {
  const { emit } = c;
  const share = emit.op('Mul', [c.gradient, emit.op('Exp', [emit.op('Neg', [c.output(0)])])]);
  return expandLike(emit, keepAxes(c, share, reducedAxes(c)), c.input(0));
}

/** y = log of the sum of e^x: e^(x - y), the softmax. */
function logSumExp(c: VjpContext): Value {
  const { emit } = c;
  const axes = reducedAxes(c);
  const softmax = emit.op('Exp', [emit.op('Sub', [c.input(0), keepAxes(c, c.output(0), axes)])]);
  return emit.op('Mul', [softmax, keepAxes(c, c.gradient, axes)]);
}

const note = 'over constant axes';

export const REDUCTION_RULES: Readonly<Record<string, VjpEntry>> = {
  ReduceSum: { vjp: (c) => [sum(c)], note },
  ReduceMean: { vjp: (c) => [mean(c)], note },
  ReduceL2: { vjp: (c) => [norm(c)], note },
  ReduceSumSquare: { vjp: (c) => [sumOfSquares(c)], note },
  ReduceL1: { vjp: (c) => [sumOfSizes(c)], note },
  ReduceLogSum: { vjp: (c) => [logSum(c)], note },
  ReduceLogSumExp: { vjp: (c) => [logSumExp(c)], note },
  ReduceMax: { vjp: (c) => [extremum(c)], note },
  ReduceMin: { vjp: (c) => [extremum(c)], note },
};

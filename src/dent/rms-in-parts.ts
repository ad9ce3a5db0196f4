import { type Node, toFloat32, type Value } from '../onnx/index.ts';
import { axisKept, producerOf, type Search, scalarOf, withConstant } from './search.ts';

/** A root mean square normalisation that an exporter took apart: the op exists since operator set 23. */
export interface RmsInParts {
  /** The axis that is normalised, whose places each have a scale. */
  readonly axis: number;
  readonly scale: Float32Array;
  readonly normalised: Value;
}

/**
 * Reads x / sqrt(mean(x^2) + eps) * scale from its last product, over one axis with a constant scale. Shapes
 * must be measured.
 */
export function matchRms(search: Search, product: Node): RmsInParts | undefined {
  const [normalised, factor] = withConstant(search, product, 'Mul') ?? [];
  const shape = product.outputs[0]!.type?.shape;
  const axis = normalised && normalisedAxis(search, normalised);
  if (!normalised || !shape || axis === undefined) return undefined;
  const { dims, ...constant } = search.graph.initializers.get(factor!)!;
  const elements = dims.reduce((count, size) => count * size, 1);
  const along = dims[dims.length - shape.length + axis];
  if (along !== shape[axis] || along !== elements) return undefined;
  return { axis, scale: toFloat32({ dims, ...constant }), normalised };
}

/** The axis along which `value` is x divided by its root mean square. */
function normalisedAxis(search: Search, value: Value): number | undefined {
  const quotient = producerOf(search, value, 'Div');
  if (quotient) return meanSquareAxis(search, quotient.inputs[0]!, rooted(search, quotient.inputs[1]));
  const product = producerOf(search, value, 'Mul');
  if (!product) return undefined;
  const [a, b] = product.inputs as [Value, Value];
  return (
    meanSquareAxis(search, a, rooted(search, inverted(search, b))) ??
    meanSquareAxis(search, a, inverseRooted(search, b)) ??
    meanSquareAxis(search, b, rooted(search, inverted(search, a))) ??
    meanSquareAxis(search, b, inverseRooted(search, a))
  );
}

/** y of 1 / y. */
function inverted(search: Search, value: Value): Value | undefined {
  const reciprocal = producerOf(search, value, 'Reciprocal');
  if (reciprocal) return reciprocal.inputs[0]!;
  const quotient = producerOf(search, value, 'Div');
  return scalarOf(search, quotient?.inputs[0]) === 1 ? quotient!.inputs[1]! : undefined;
}

/** y of sqrt(y). */
const rooted = (search: Search, value: Value | null | undefined): Value | undefined =>
  producerOf(search, value, 'Sqrt')?.inputs[0] ?? undefined;

/** y of y^-0.5. */
function inverseRooted(search: Search, value: Value): Value | undefined {
  const power = producerOf(search, value, 'Pow');
  return scalarOf(search, power?.inputs[1]) === -0.5 ? power!.inputs[0]! : undefined;
}

/** The axis of mean(x^2) + eps, where `guarded` is that sum for this x. */
function meanSquareAxis(search: Search, x: Value, guarded: Value | undefined): number | undefined {
  const sum = producerOf(search, guarded, 'Add');
  const [mean, epsilon] = (sum && withConstant(search, sum, 'Add')) ?? [];
  const reduction = producerOf(search, mean, 'ReduceMean');
  if (!reduction || scalarOf(search, epsilon) === undefined) return undefined;
  return isSquareOf(search, reduction.inputs[0]!, x) ? axisKept(search, reduction) : undefined;
}

function isSquareOf(search: Search, value: Value, x: Value): boolean {
  const product = producerOf(search, value, 'Mul');
  if (product) return product.inputs.every((input) => input === x);
  const power = producerOf(search, value, 'Pow');
  return power?.inputs[0] === x && scalarOf(search, power.inputs[1]) === 2;
}

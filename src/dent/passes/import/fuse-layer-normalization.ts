import {
  type Attribute,
  type Graph,
  type Node,
  toFloat32,
  type Value,
  withoutUnused,
} from '../../../onnx/index.ts';
import { axisKept, createSearch, producerOf, type Search, withConstant } from '../../search.ts';

/**
 * Writes layer normalisations that an exporter took apart as LayerNormalization (the op exists since operator
 * set 17). The form is (x - mean) / sqrt(variance + eps) * scale + shift over the last axis, with constant
 * scale and shift. Shapes must be measured.
 */
export function fuseLayerNormalization(graph: Graph): Graph {
  const search = createSearch(graph);
  const nodes = graph.nodes.map((node) => matchSum(search, node) ?? node);
  return withoutUnused({ ...graph, nodes });
}

/** The LayerNormalization that ends with this Add of the shift. */
function matchSum(search: Search, sum: Node): Node | undefined {
  const [scaled, shift] = withConstant(search, sum, 'Add') ?? [];
  const product = scaled && producerOf(search, scaled, 'Mul');
  const [normalised, scale] = (product && withConstant(search, product, 'Mul')) ?? [];
  const quotient = normalised && producerOf(search, normalised, 'Div');
  const standardised = quotient && matchQuotient(search, quotient);
  if (!standardised || !scale || !shift) return undefined;
  // Where another node reads a value in between, the parts would have to stay.
  if ([scaled!, normalised].some((value) => search.consumers.get(value)!.length > 1)) return undefined;
  const { x, epsilon } = standardised;
  const attributes: Record<string, Attribute> = {
    axis: { kind: 'int', value: -1 },
    epsilon: { kind: 'float', value: epsilon },
  };
  return { ...sum, opType: 'LayerNormalization', inputs: [x, scale, shift], attributes };
}

/** x and epsilon of (x - mean(x)) / sqrt(mean((x - mean(x))^2) + epsilon). */
function matchQuotient(search: Search, quotient: Node): { x: Value; epsilon: number } | undefined {
  const [centred, deviation] = quotient.inputs as [Value, Value];
  const difference = producerOf(search, centred, 'Sub');
  const x = difference?.inputs[0];
  const mean = difference && producerOf(search, difference.inputs[1], 'ReduceMean');
  const root = producerOf(search, deviation, 'Sqrt');
  const guarded = root && producerOf(search, root.inputs[0], 'Add');
  const [variance, epsilon] = (guarded && withConstant(search, guarded, 'Add')) ?? [];
  const square = producerOf(search, variance, 'ReduceMean');
  if (!x || !mean || !square || !epsilon || mean.inputs[0] !== x) return undefined;
  if (!isOverLastAxis(search, mean) || !isOverLastAxis(search, square)) return undefined;
  if (!isSquareOf(search, square.inputs[0]!, difference)) return undefined;
  return { x, epsilon: toFloat32(search.graph.initializers.get(epsilon)!)[0]! };
}

function isSquareOf(search: Search, value: Value, difference: Node): boolean {
  const node = search.producers.get(value);
  // Where torch does not share x - mean, it writes it twice.
  const isDifference = (input: Value | null | undefined) => {
    const other = producerOf(search, input, 'Sub');
    return other?.inputs.every((operand, i) => operand === difference.inputs[i]) ?? false;
  };
  if (node?.opType === 'Mul') return node.inputs.every(isDifference);
  if (node?.opType !== 'Pow' || !isDifference(node.inputs[0])) return false;
  const exponent = search.graph.initializers.get(node.inputs[1]!);
  return exponent?.dims.length === 0 && toFloat32(exponent)[0] === 2;
}

function isOverLastAxis(search: Search, mean: Node): boolean {
  const rank = mean.inputs[0]?.type?.shape?.length ?? 0;
  return axisKept(search, mean) === rank - 1;
}

import {
  type Constant,
  consumersOf,
  DATA_TYPE,
  decodeModel,
  type Graph,
  type Node,
  toFloat32,
  type Value,
} from '../onnx/index.ts';

/** How a graph scales its pixels at its start: pixel p of a channel becomes p * factor + offset. */
export interface InputScaling {
  /** One for all channels, or one for each. */
  readonly factor: readonly number[];
  readonly offset: readonly number[];
}

/** Ops that leave the numbers as they are. */
const PASSES: ReadonlySet<string> = new Set(['Identity', 'Cast', 'Transpose', 'Dropout']);

const FLOATS: ReadonlySet<number> = new Set([DATA_TYPE.float32, DATA_TYPE.float64]);

function constants(graph: Graph): Map<Value, Constant> {
  const found = new Map(graph.initializers);
  for (const { opType, outputs, attributes } of graph.nodes) {
    if (opType === 'Constant' && outputs[0] && attributes.value?.kind === 'tensor')
      found.set(outputs[0], attributes.value.value);
  }
  return found;
}

/** The numbers of a constant that has one for all channels, or one for each of up to three. */
function perChannel(constant: Constant | undefined): number[] | undefined {
  if (constant === undefined || !FLOATS.has(constant.dataType)) return undefined;
  const values = Array.from(toFloat32(constant));
  const isVector = constant.dims.filter((size) => size !== 1).length <= 1;
  return isVector && (values.length === 1 || values.length === 3) ? values : undefined;
}

/** `a` and `b` entry by entry. An array of one entry stands for all. */
const zip = (a: readonly number[], b: readonly number[], of: (a: number, b: number) => number): number[] =>
  Array.from({ length: Math.max(a.length, b.length) }, (_, i) =>
    of(a.at(a.length === 1 ? 0 : i)!, b.at(b.length === 1 ? 0 : i)!),
  );

function apply(
  { factor, offset }: InputScaling,
  opType: string,
  by: readonly number[],
): InputScaling | undefined {
  const each = (values: readonly number[], of: (a: number, b: number) => number) => zip(values, by, of);
  switch (opType) {
    case 'Add':
      return { factor, offset: each(offset, (a, b) => a + b) };
    case 'Sub':
      return { factor, offset: each(offset, (a, b) => a - b) };
    case 'Mul':
      return { factor: each(factor, (a, b) => a * b), offset: each(offset, (a, b) => a * b) };
    case 'Div':
      return { factor: each(factor, (a, b) => a / b), offset: each(offset, (a, b) => a / b) };
    default:
      return undefined;
  }
}

/** How a node scales the value `of` with a constant. Undefined where it does anything else. */
function scaledBy(node: Node, of: Value, known: ReadonlyMap<Value, Constant>, so: InputScaling) {
  const [a, b] = node.inputs;
  const isFirst = a === of;
  const other = isFirst ? b : a;
  // Nobody trains with a constant minus the pixel, or with a constant divided by the pixel.
  if (!other || (!isFirst && (node.opType === 'Sub' || node.opType === 'Div'))) return undefined;
  const by = perChannel(known.get(other));
  return by && apply(so, node.opType, by);
}

/**
 * How the model in `bytes` scales its own input. Undefined where it begins with something else. Throws
 * `InputError` where the bytes are no model.
 */
export function inputScaling(bytes: Uint8Array): InputScaling | undefined {
  const { graph } = decodeModel(bytes);
  const known = constants(graph);
  const consumers = consumersOf(graph.nodes);
  let value: Value | undefined = graph.inputs[0];
  let scaling: InputScaling = { factor: [1], offset: [0] };
  let isScaled = false;
  while (value) {
    const [node, ...others]: Node[] = consumers.get(value) ?? [];
    if (!node || others.length > 0 || node.domain !== '') break;
    const next = PASSES.has(node.opType) ? scaling : scaledBy(node, value, known, scaling);
    if (next === undefined) break;
    isScaled ||= next !== scaling;
    scaling = next;
    value = node.outputs[0] ?? undefined;
  }
  return isScaled ? scaling : undefined;
}

import {
  type Graph,
  GraphBuilder,
  intsAttribute,
  type Node,
  stringAttribute,
  type Value,
} from '../../../onnx/index.ts';
import { withBodies } from '../map-graph.ts';

/** Pads at the begin and at the end of each spatial axis. */
interface Pads {
  readonly begin: readonly number[];
  readonly end: readonly number[];
}

/**
 * What the pads of a convolution have more on one side than on the other, as TensorFlow's `SAME` gives with
 * strides, goes into a Pad before it. ONNX Runtime's CUDA provider asks cuDNN for an algorithm with uneven
 * pads, and there may be none. Bodies of loops and branches are rewritten too.
 */
export function evenPads(graph: Graph): Graph {
  const builder = new GraphBuilder('pads/');
  for (const [value, constant] of graph.initializers) builder.adopt(value, constant);
  for (const node of graph.nodes) {
    const pads = node.domain === '' && node.opType === 'Conv' ? padsOf(graph, node) : undefined;
    if (!pads || pads.begin.every((pad, i) => pad === pads.end[i])) {
      builder.append(withBodies(node, evenPads));
      continue;
    }
    const both = pads.begin.map((pad, i) => Math.min(pad, pads.end[i]!));
    const rest = (side: readonly number[]) => [0, 0, ...side.map((pad, i) => pad - both[i]!)];
    const amounts = builder.ints([...rest(pads.begin), ...rest(pads.end)]);
    const padded = builder.op('Pad', [node.inputs[0]!, amounts]);
    const { auto_pad: _, ...attributes } = node.attributes;
    builder.append({
      ...node,
      inputs: [padded, ...node.inputs.slice(1)],
      attributes: { ...attributes, pads: { kind: 'ints', value: [...both, ...both] } },
    });
  }
  return builder.build(graph.name, graph.inputs, graph.outputs);
}

/** undefined where they follow from sizes that are not known. */
function padsOf(graph: Graph, node: Node): Pads | undefined {
  const [x, weight] = node.inputs as [Value, Value];
  const kernel = intsAttribute(node, 'kernel_shape') ?? graph.initializers.get(weight)?.dims.slice(2);
  const auto = stringAttribute(node, 'auto_pad', 'NOTSET');
  if (auto === 'NOTSET') {
    const pads = intsAttribute(node, 'pads') ?? [];
    return { begin: pads.slice(0, pads.length / 2), end: pads.slice(pads.length / 2) };
  }
  const sizes = x.type?.shape?.slice(2);
  if (auto === 'VALID' || !kernel || !sizes?.every((size) => typeof size === 'number')) return undefined;
  const ones = kernel.map(() => 1);
  const strides = intsAttribute(node, 'strides') ?? ones;
  const dilations = intsAttribute(node, 'dilations') ?? ones;
  const total = (sizes as number[]).map((size, i) => {
    const spanned = (Math.ceil(size / strides[i]!) - 1) * strides[i]! + (kernel[i]! - 1) * dilations[i]! + 1;
    return Math.max(0, spanned - size);
  });
  const less = total.map((pads) => Math.floor(pads / 2));
  const more = total.map((pads, i) => pads - less[i]!);
  return auto === 'SAME_UPPER' ? { begin: less, end: more } : { begin: more, end: less };
}

import { samePadding } from '../../../autodiff/index.ts';
import {
  type Graph,
  GraphBuilder,
  intsAttribute,
  type Node,
  stringAttribute,
  type Value,
} from '../../../onnx/index.ts';
import { withBodies } from '../map-graph.ts';

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
    if (!pads || pads.padBegin.every((pad, i) => pad === pads.padEnd[i])) {
      builder.append(withBodies(node, evenPads));
      continue;
    }
    const both = pads.padBegin.map((pad, i) => Math.min(pad, pads.padEnd[i]!));
    const rest = (side: readonly number[]) => [0, 0, ...side.map((pad, i) => pad - both[i]!)];
    const amounts = builder.ints([...rest(pads.padBegin), ...rest(pads.padEnd)]);
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
function padsOf(graph: Graph, node: Node): ReturnType<typeof samePadding> | undefined {
  const [x, weight] = node.inputs as [Value, Value];
  const auto = stringAttribute(node, 'auto_pad', 'NOTSET');
  if (auto === 'NOTSET') {
    const pads = intsAttribute(node, 'pads') ?? [];
    return { padBegin: pads.slice(0, pads.length / 2), padEnd: pads.slice(pads.length / 2) };
  }
  if (auto !== 'SAME_UPPER' && auto !== 'SAME_LOWER') return undefined;
  const kernel = intsAttribute(node, 'kernel_shape') ?? graph.initializers.get(weight)?.dims.slice(2);
  const sizes = x.type?.shape?.slice(2);
  if (!kernel || !sizes?.every((size) => typeof size === 'number')) return undefined;
  const ones = kernel.map(() => 1);
  const [strides = ones, dilations = ones] = ['strides', 'dilations'].map((name) =>
    intsAttribute(node, name),
  );
  return samePadding(sizes as number[], { kernel, strides, dilations }, auto);
}

import {
  consumersOf,
  type Graph,
  intAttribute,
  type Node,
  producersOf,
  toIntegers,
  type Value,
  withoutUnused,
} from '../../../onnx/index.ts';
import { withBodies } from '../map-graph.ts';

/**
 * Sums over rows that are joined along another axis become one sum, of what was joined before. So the
 * gradients of a batch's parameters are cast and summed by a few kernels, not by some for each layer. Bodies
 * of loops and branches are rewritten too.
 */
export function sumAtOnce(graph: Graph): Graph {
  const producers = producersOf(graph.nodes);
  const consumers = consumersOf(graph.nodes);
  const nodes = graph.nodes.flatMap((node): Node[] => {
    const sums = node.inputs.map((value) => value && producers.get(value));
    const [first] = sums;
    if (!first || !isJoin(node) || !sums.every((sum) => sum && isSumLike(sum, first)))
      return [withBodies(node, sumAtOnce)];
    const joined: Value = { name: `${node.outputs[0]!.name}_rows` };
    const inputs = sums.map((sum) => sum!.inputs[0]!);
    return [
      { ...node, inputs, outputs: [joined] },
      { ...first, inputs: [joined, first.inputs[1]!], outputs: node.outputs },
    ];
  });
  return withoutUnused({ ...graph, nodes });

  /** A Concat along the second axis. */
  function isJoin({ domain, opType, attributes }: Node): boolean {
    const { axis } = attributes;
    return domain === '' && opType === 'Concat' && axis?.kind === 'int' && axis.value === 1;
  }

  /** A sum over the first axis, as `first` is, that nothing else reads. */
  function isSumLike(node: Node, first: Node): boolean {
    const axes = node.inputs[1] && graph.initializers.get(node.inputs[1]);
    return (
      node.opType === 'ReduceSum' &&
      node.inputs[1] === first.inputs[1] &&
      axes !== undefined &&
      toIntegers(axes!).join() === '0' &&
      intAttribute(node, 'keepdims', 1) === 1 &&
      consumers.get(node.outputs[0]!)?.length === 1 &&
      !graph.outputs.includes(node.outputs[0]!)
    );
  }
}

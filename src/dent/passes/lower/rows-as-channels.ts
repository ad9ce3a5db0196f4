import { type Graph, GraphBuilder, type Node, type Value, withoutUnused } from '../../../onnx/index.ts';
import { BATCH } from '../../batch-axis.ts';
import { withBodies } from '../map-graph.ts';

const PRODUCTS_AND_SUMS: ReadonlySet<string> = new Set(['Mul', 'Add']);

/**
 * Products and sums of an activation [N, C, H, W] and a number for each row and channel, [N, C, 1, 1], are
 * computed with rows and channels as one axis. ONNX Runtime's CUDA provider has a fast kernel for one axis
 * that is not repeated, and a slow one for two. A Reshape moves no data. Bodies of loops and branches are
 * rewritten too.
 */
export function rowsAsChannels(graph: Graph): Graph {
  const builder = new GraphBuilder('channels/');
  for (const [value, constant] of graph.initializers) builder.adopt(value, constant);
  const flat = new Map<Value, Value>();
  /** [1, N * C, H, W]. */
  const asChannels = (value: Value): Value => {
    const known = flat.get(value) ?? builder.op('Reshape', [value, builder.ints([1, -1, 0, 0])]);
    flat.set(value, known);
    return known;
  };
  for (const node of graph.nodes) {
    const channels = channelsOf(node);
    if (channels === undefined) {
      builder.append(withBodies(node, rowsAsChannels));
      continue;
    }
    const inputs = node.inputs.map((value) => asChannels(value!));
    const [result] = node.outputs as [Value];
    const wide: Value = { name: `${result.name}_channels` };
    builder.append({ ...node, inputs, outputs: [wide] });
    flat.set(result, wide);
    const shape = builder.ints([-1, channels, 0, 0]);
    builder.append({ ...node, opType: 'Reshape', name: `${node.name}_rows`, inputs: [wide, shape] });
  }
  return withoutUnused(builder.build(graph.name, graph.inputs, graph.outputs));
}

/** The number of channels where the node is such a product or sum. */
function channelsOf({ domain, opType, inputs }: Node): number | undefined {
  if (domain !== '' || !PRODUCTS_AND_SUMS.has(opType)) return undefined;
  const [a, b] = inputs.map((value) => value?.type?.shape);
  if (a?.length !== 4 || b?.length !== 4) return undefined;
  const isEach = (shape: typeof a) => shape[2] === 1 && shape[3] === 1;
  const [wide, each] = isEach(b) ? [a, b] : [b, a];
  if (!isEach(each) || isEach(wide)) return undefined;
  if (wide[0] !== BATCH || each[0] !== BATCH || wide[1] !== each[1]) return undefined;
  return typeof wide[1] === 'number' ? wide[1] : undefined;
}

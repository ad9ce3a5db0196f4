import { DATA_TYPE, type Graph, GraphBuilder, type Value } from '../../../onnx/index.ts';
import { elementCount } from '../../../tensor.ts';

/** Weights of at least this many numbers are replaced. */
const LARGE = 1024;

/**
 * The graph with its large weights replaced by nodes that make zeros. Shapes do not depend on weights, and a
 * large model is then small on its way to ONNX Runtime. Values in `kept` stay as they are.
 */
export function zeroWeights(graph: Graph, kept: ReadonlySet<Value>): Graph {
  const builder = new GraphBuilder('zeros/');
  const initializers = new Map(graph.initializers);
  for (const [value, { dataType, dims }] of graph.initializers) {
    if (dataType !== DATA_TYPE.float32 || elementCount(dims) < LARGE || kept.has(value)) continue;
    initializers.delete(value);
    builder.append({
      opType: 'ConstantOfShape',
      domain: '',
      name: `zeros/${value.name}`,
      inputs: [builder.ints(dims)],
      outputs: [value],
      attributes: {},
    });
  }
  return {
    ...graph,
    nodes: [...builder.nodes, ...graph.nodes],
    initializers: new Map([...initializers, ...builder.initializers]),
  };
}

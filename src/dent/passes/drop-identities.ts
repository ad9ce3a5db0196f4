import type { Graph, Node, Value } from '../../onnx/index.ts';
import { withoutUnused } from '../../onnx/index.ts';
import { mapGraph } from './map-graph.ts';

/**
 * Removes Identity and Dropout nodes, which pass their input on in inference, so that what stands behind them is seen: exporters share one
 * initializer among several BatchNormalization nodes through Identity. A graph output keeps its name through an Identity that
 * is left.
 */
export function dropIdentities(graph: Graph): Graph {
  const outputs = new Set<Value>(graph.outputs);
  return withoutUnused(
    mapGraph(graph, (node, replace) => {
      if (!passesOn(node) || outputs.has(node.outputs[0]!)) return [node];
      replace(node.outputs[0]!, node.inputs[0]!);
      return [];
    }),
  );
}

function passesOn(node: Node): boolean {
  return (
    node.domain === '' && (node.opType === 'Identity' || (node.opType === 'Dropout' && !node.outputs[1]))
  );
}

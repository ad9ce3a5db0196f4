import type { Graph, Node, Value } from '../../../onnx/index.ts';
import { consumersOf, valuesRead, withoutUnused } from '../../../onnx/index.ts';
import { mapGraph } from '../map-graph.ts';

/**
 * Removes Identity and Dropout nodes, which pass their input on in inference, so that later passes see the
 * nodes behind them. (Exporters share one initializer among several BatchNormalization nodes through
 * Identity.) An Identity stays where a graph output needs its name.
 */
export function dropIdentities(graph: Graph): Graph {
  // A body reads the values around it by name, so the values it reads stay.
  const bodies = graph.nodes.filter((node) => Object.values(node.attributes).some((a) => a.kind === 'graph'));
  const kept = new Set<Value>([...graph.outputs, ...bodies.flatMap(valuesRead)]);
  const consumers = consumersOf(graph.nodes);
  const isUsed = (value: Value | null | undefined) => value && (consumers.has(value) || kept.has(value));
  return withoutUnused(
    mapGraph(graph, (node, replace) => {
      // Exporters of old operator sets give a Dropout's mask a name, but nothing reads it in inference.
      if (!passesOn(node) || kept.has(node.outputs[0]!) || isUsed(node.outputs[1])) return [node];
      replace(node.outputs[0]!, node.inputs[0]!);
      return [];
    }),
  );
}

function passesOn(node: Node): boolean {
  return node.domain === '' && (node.opType === 'Identity' || node.opType === 'Dropout');
}

import type { Graph, Node, Value } from '../../onnx/index.ts';

/** Makes a later use of `from` read `to`. */
export type Replace = (from: Value, to: Value) => void;

/**
 * A graph with each node rewritten by `rewrite` into any number of nodes. Inputs of the nodes handed over are
 * up to date.
 */
export function mapGraph(graph: Graph, rewrite: (node: Node, replace: Replace) => readonly Node[]): Graph {
  const replacements = new Map<Value, Value>();
  const current = (value: Value): Value => replacements.get(value) ?? value;
  const replace: Replace = (from, to) => {
    replacements.set(from, current(to));
  };
  const nodes = graph.nodes.flatMap((node) => {
    const inputs = node.inputs.map((value) => value && current(value));
    return rewrite({ ...node, inputs }, replace);
  });
  return { ...graph, nodes, outputs: graph.outputs.map(current) };
}

/** The node with the bodies of its loop or branches rewritten. */
export function withBodies(node: Node, rewrite: (body: Graph) => Graph): Node {
  const attributes = Object.entries(node.attributes).map(([name, attribute]) =>
    attribute.kind === 'graph'
      ? [name, { ...attribute, value: rewrite(attribute.value) }]
      : [name, attribute],
  );
  return { ...node, attributes: Object.fromEntries(attributes) };
}

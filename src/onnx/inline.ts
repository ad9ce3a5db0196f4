import type { GraphBuilder } from './builder.ts';
import type { Attribute, Graph, Node, Value } from './graph.ts';

/**
 * Copies the graph's nodes and initializers into `builder`, as a function call would: `args` take the places
 * of the graph's inputs. Returns the values that take the places of its outputs. Types that are known of the
 * values come along.
 */
export function inline(builder: GraphBuilder, graph: Graph, args: readonly Value[], prefix = ''): Value[] {
  if (args.length !== graph.inputs.length) {
    throw new Error(
      `"${graph.name}" takes ${graph.inputs.length} inputs, got ${args.length}. This is a bug.`,
    );
  }
  const copies = new Map<Value, Value>(graph.inputs.map((input, i) => [input, args[i]!]));
  for (const [value, constant] of graph.initializers)
    copies.set(value, builder.constant(constant, prefix + value.name));
  for (const node of graph.nodes) builder.append(copyNode(node, copies, prefix));
  return graph.outputs.map((value) => copies.get(value) ?? value);
}

function copyNode(node: Node, copies: Map<Value, Value>, prefix: string): Node {
  const define = (value: Value | null): Value | null => {
    if (!value) return null;
    const copy: Value = { ...value, name: prefix + value.name };
    copies.set(value, copy);
    return copy;
  };
  return {
    ...node,
    name: prefix + node.name,
    // A body's own values keep their identity. No name clashes: names are settled when the model is encoded.
    attributes: Object.fromEntries(
      Object.entries(node.attributes).map(([name, attribute]) => [name, copyAttribute(attribute, copies)]),
    ),
    inputs: node.inputs.map((value) => value && (copies.get(value) ?? value)),
    outputs: node.outputs.map(define),
  };
}

function copyAttribute(attribute: Attribute, copies: ReadonlyMap<Value, Value>): Attribute {
  if (attribute.kind !== 'graph') return attribute;
  const graph = attribute.value;
  const replace = (value: Value): Value => copies.get(value) ?? value;
  const nodes = graph.nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map((value) => value && replace(value)),
    attributes: Object.fromEntries(
      Object.entries(node.attributes).map(([k, a]) => [k, copyAttribute(a, copies)]),
    ),
  }));
  return { kind: 'graph', value: { ...graph, nodes, outputs: graph.outputs.map(replace) } };
}

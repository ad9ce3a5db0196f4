import type { Graph, Node, Value } from './graph.ts';

/**
 * The values a node reads, including those that the bodies of its loops and branches take from around them.
 */
export function valuesRead(node: Node): Value[] {
  const read = node.inputs.filter((value): value is Value => value !== null);
  for (const attribute of Object.values(node.attributes)) {
    if (attribute.kind === 'graph') read.push(...capturedValues(attribute.value));
  }
  return read;
}

function capturedValues(graph: Graph): Value[] {
  const own = new Set<Value>([...graph.inputs, ...graph.initializers.keys()]);
  for (const node of graph.nodes) for (const value of node.outputs) if (value) own.add(value);
  const read = [...graph.nodes.flatMap(valuesRead), ...graph.outputs];
  return read.filter((value) => !own.has(value));
}

export function producersOf(nodes: readonly Node[]): Map<Value, Node> {
  const producers = new Map<Value, Node>();
  for (const node of nodes) for (const value of node.outputs) if (value) producers.set(value, node);
  return producers;
}

export function consumersOf(nodes: readonly Node[]): Map<Value, Node[]> {
  const consumers = new Map<Value, Node[]>();
  for (const node of nodes) {
    for (const value of new Set(valuesRead(node))) {
      const list = consumers.get(value);
      if (list) list.push(node);
      else consumers.set(value, [node]);
    }
  }
  return consumers;
}

/** The values that change when `roots` do: `roots` and everything computed from them, in order. */
export function dependentsOf(nodes: readonly Node[], roots: Iterable<Value>): Set<Value> {
  const dependents = new Set(roots);
  for (const node of nodes) {
    if (!valuesRead(node).some((value) => dependents.has(value))) continue;
    for (const value of node.outputs) if (value) dependents.add(value);
  }
  return dependents;
}

/** The domains of all operators, those of bodies too. */
export function domainsOf({ nodes }: Graph): Set<string> {
  const bodies = nodes.flatMap(({ attributes }) =>
    Object.values(attributes).flatMap((a) => (a.kind === 'graph' ? [...domainsOf(a.value)] : [])),
  );
  return new Set([...nodes.map(({ domain }) => domain), ...bodies]);
}

/** The graph without the nodes and initializers that no output needs. */
export function withoutUnused(graph: Graph): Graph {
  const needed = new Set<Value>(graph.outputs);
  const kept: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((value) => value && needed.has(value))) continue;
    kept.push(node);
    for (const value of valuesRead(node)) needed.add(value);
  }
  const initializers = new Map([...graph.initializers].filter(([value]) => needed.has(value)));
  return { ...graph, nodes: kept.reverse(), initializers };
}

import { type Graph, type Node, producersOf, valuesRead } from '../../../onnx/index.ts';
import { withBodies } from '../map-graph.ts';

/**
 * Orders a graph's nodes so that ONNX Runtime runs them in this order. It does not follow the list: it goes
 * depth first from the outputs, and of the producers of a node's inputs it runs the one first that is listed
 * last. By itself it would delay the sums that make a layer's gradient until the last layer's is known. It
 * would keep everything they need, and read it long after it has left the cache. Bodies of loops and branches
 * are ordered too. Takes any graph that is sorted, and returns it sorted.
 */
export function schedule(graph: Graph): Graph {
  const place = new Map(graph.nodes.map((node, i) => [node, i]));
  const producers = producersOf(graph.nodes);
  const sourcesOf = new Map(
    graph.nodes.map((node) => [
      node,
      new Set(valuesRead(node).flatMap((value) => producers.get(value) ?? [])),
    ]),
  );
  const readers = new Map(graph.nodes.map((node) => [node, 0]));
  for (const sources of sourcesOf.values()) {
    for (const source of sources) readers.set(source, readers.get(source)! + 1);
  }
  // Backwards: among the nodes that no unplaced node reads, the one that should run first is placed last.
  const free = graph.nodes.filter((node) => readers.get(node) === 0);
  const backwards: Node[] = [];
  while (free.length > 0) {
    const first = free.reduce((best, node, i) => (place.get(node)! < place.get(free[best]!)! ? i : best), 0);
    const [node] = free.splice(first, 1) as [Node];
    backwards.push(withBodies(node, schedule));
    for (const source of sourcesOf.get(node)!) {
      readers.set(source, readers.get(source)! - 1);
      if (readers.get(source) === 0) free.push(source);
    }
  }
  return { ...graph, nodes: backwards.reverse() };
}

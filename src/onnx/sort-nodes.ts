import { InputError } from '../errors.ts';
import type { GraphProto, NodeProto } from './proto/onnx_pb.ts';

/**
 * The nodes in topological order. The format demands this order, but some writers do not keep it. Nodes that
 * are in order stay where they are. Throws `InputError` where a node depends on itself.
 */
export function sortNodes(nodes: readonly NodeProto[]): readonly NodeProto[] {
  const producers = new Map<string, number>();
  nodes.forEach(({ output }, i) => {
    for (const name of output) if (name !== '' && !producers.has(name)) producers.set(name, i);
  });
  const before = nodes.map((node) =>
    namesRead(node).flatMap((name) => {
      const producer = producers.get(name);
      return producer === undefined ? [] : [producer];
    }),
  );
  const inOrder = before.every((producing, i) => producing.every((producer) => producer < i));
  return inOrder ? nodes : order(before, nodes).map((i) => nodes[i]!);
}

/** Depth first and without recursion: a chain of nodes may be as long as the model. */
function order(before: readonly (readonly number[])[], nodes: readonly NodeProto[]): number[] {
  const ordered: number[] = [];
  const state = new Array<'waiting' | 'open' | 'done'>(nodes.length).fill('waiting');
  for (const root of nodes.keys()) {
    const path = [root];
    while (path.length > 0) {
      const node = path.at(-1)!;
      const next = state[node] === 'done' ? undefined : before[node]!.find((each) => state[each] !== 'done');
      if (next === undefined) {
        path.pop();
        if (state[node] !== 'done') ordered.push(node);
        state[node] = 'done';
        continue;
      }
      if (next === node || state[next] === 'open') throw cycle(nodes[next]!);
      state[node] = 'open';
      path.push(next);
    }
  }
  return ordered;
}

const cycle = ({ opType, name, output }: NodeProto): InputError =>
  new InputError(
    `${opType} "${name || output[0]}" depends on its own output; a graph without cycles is needed, so export the model again.`,
  );

/**
 * The names a node reads, including those that its bodies take from around them. The parser bounds how deep
 * bodies nest.
 */
function namesRead({ input, attribute }: NodeProto): string[] {
  return [...input, ...attribute.flatMap(({ g }) => (g ? namesCaptured(g) : []))];
}

function namesCaptured(graph: GraphProto): string[] {
  const own = new Set([...graph.input, ...graph.initializer].map(({ name }) => name));
  for (const { output } of graph.node) for (const name of output) own.add(name);
  const read = [...graph.node.flatMap(namesRead), ...graph.output.map(({ name }) => name)];
  return read.filter((name) => !own.has(name));
}

import {
  dependentsOf,
  GraphBuilder,
  type Node,
  type Value,
  valuesRead,
  withoutUnused,
} from '../onnx/index.ts';
import { BATCH } from './batch-axis.ts';

/** Values with one entry per row: their first axis is the batch. */
const hasRows = (value: Value): boolean => value.type?.shape?.[0] === BATCH;

/** Values that nodes of a branch read from around it. */
function taken(nodes: readonly Node[], result: Value): Set<Value> {
  const own = new Set(nodes.flatMap((node) => node.outputs));
  return new Set([...nodes.flatMap(valuesRead), result].filter((value) => !own.has(value)));
}

/**
 * Appends to `branch` what `write` appends, but for some rows alone. The values that it reads from `around`,
 * the graph around the branch, are first gathered by `rows` ([n] int64). `roots` are the values of `around`
 * that have rows. Returns undefined, and appends nothing, where a value that depends on rows does not hold
 * them one after the other along its first axis.
 */
export function overSomeRows(
  branch: GraphBuilder,
  around: GraphBuilder,
  roots: readonly Value[],
  rows: Value,
  write: (inner: GraphBuilder) => Value,
): Value | undefined {
  const inner = new GraphBuilder();
  const result = write(inner);
  const graph = withoutUnused(inner.build('some rows', [], [result]));
  const ofRows = dependentsOf(around.nodes, roots);
  const captured = [...taken(graph.nodes, result)].filter((value) => ofRows.has(value));
  if (!captured.every(hasRows) || graph.nodes.some(hasBody)) return undefined;
  const gathered = new Map<Value, Value>();
  for (const value of captured) {
    const some = branch.op('Gather', [value, rows], { name: value.name });
    gathered.set(value, Object.assign(some, { type: value.type }));
  }
  for (const [value, constant] of graph.initializers) branch.adopt(value, constant);
  const replace = (value: Value | null) => value && (gathered.get(value) ?? value);
  for (const node of graph.nodes) branch.append({ ...node, inputs: node.inputs.map(replace) });
  return gathered.get(result) ?? result;
}

const hasBody = ({ attributes }: Node): boolean =>
  Object.values(attributes).some(({ kind }) => kind === 'graph');

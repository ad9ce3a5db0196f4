import { type Node, type Value, valuesRead } from '../onnx/index.ts';
import { variablesOf } from './gradient.ts';
import { VJP_RULES } from './rules/index.ts';

/**
 * The nodes on the way from `roots` to `results` that no gradient can pass, in the order of the graph. Nodes
 * that are `replaced` before gradients are written need no rule.
 */
export function nodesWithoutRule(
  nodes: readonly Node[],
  roots: readonly Value[],
  results: readonly Value[],
  replaced: ReadonlySet<Node> = new Set(),
): Node[] {
  const variables = variablesOf(nodes, roots);
  const reached = new Set(results);
  const missing: Node[] = [];
  for (const node of nodes.toReversed()) {
    const carries = valuesRead(node).filter((value) => variables.has(value));
    if (carries.length === 0 || !node.outputs.some((value) => value && reached.has(value))) continue;
    if (!node.outputs.some((value) => value && variables.has(value))) continue;
    if (!replaced.has(node) && !(node.domain === '' && node.opType in VJP_RULES)) missing.push(node);
    for (const value of carries) reached.add(value);
  }
  return missing.reverse();
}

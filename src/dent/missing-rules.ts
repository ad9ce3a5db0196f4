import { NOT_DIFFERENTIABLE, VJP_RULES } from '../autodiff/index.ts';
import { dependentsOf, type Node, type Value } from '../onnx/index.ts';
import type { Classifier } from './classifier.ts';
import type { AdaptableLayer } from './layers.ts';

/** The nodes between the adapted layers and the logits that no gradient can pass, in the order of the graph. */
export function nodesWithoutRule(
  { model: { graph }, logits }: Classifier,
  layers: readonly AdaptableLayer[],
): Node[] {
  const adapted = new Set(layers.map(({ node }) => node));
  const dependents = dependentsOf(
    graph.nodes,
    Array.from(adapted, (node) => node.outputs[0]!),
  );
  const reached = new Set([logits]);
  const missing: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    const carries = node.inputs.filter((value): value is Value => value !== null && dependents.has(value));
    if (carries.length === 0 || !node.outputs.some((value) => value && reached.has(value))) continue;
    const isPlain = node.domain === '';
    if (isPlain && NOT_DIFFERENTIABLE.has(node.opType)) continue;
    if (!adapted.has(node) && !(isPlain && node.opType in VJP_RULES)) missing.push(node);
    for (const value of carries) reached.add(value);
  }
  return missing.reverse();
}

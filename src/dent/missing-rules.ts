import { VJP_RULES, variablesOf } from '../autodiff/index.ts';
import { type Node, valuesRead } from '../onnx/index.ts';
import type { Classifier } from './classifier.ts';
import type { AdaptableLayer } from './layers.ts';

/** The nodes between the adapted layers and the logits that no gradient can pass, in the order of the graph. */
export function nodesWithoutRule(
  { model: { graph }, logits }: Classifier,
  layers: readonly AdaptableLayer[],
): Node[] {
  const adapted = new Set(layers.map(({ node }) => node));
  const variables = variablesOf(
    graph.nodes,
    Array.from(adapted, (node) => node.outputs[0]!),
  );
  const reached = new Set([logits]);
  const missing: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    const carries = valuesRead(node).filter((value) => variables.has(value));
    if (carries.length === 0 || !node.outputs.some((value) => value && reached.has(value))) continue;
    if (!node.outputs.some((value) => value && variables.has(value))) continue;
    if (!adapted.has(node) && !(node.domain === '' && node.opType in VJP_RULES)) missing.push(node);
    for (const value of carries) reached.add(value);
  }
  return missing.reverse();
}

/** Ops that compute in integers, or go to integers and back. */
const QUANTISING = /^(QLinear\w+|ConvInteger|MatMulInteger\w*|(Dynamic)?Quantize\w*|QGemm|QAttention)$/;

/** ONNX Runtime's own operators: into these it fuses a model's when it saves what it has optimised or quantised. */
const RUNTIME_DOMAIN = /^com\.(microsoft|ms)(\.|$)/;

/** Those of them that it keeps in the standard's domain. */
const RUNTIME_OPS: ReadonlySet<string> = new Set(['SimplifiedLayerNormalization']);

/** The first node that quantises what depends on pixels. Weights alone that are kept in integers have become constants before. */
export const quantisingNode = ({ model: { graph } }: Classifier): Node | undefined =>
  graph.nodes.find(
    ({ domain, opType }) => (domain === '' || RUNTIME_DOMAIN.test(domain)) && QUANTISING.test(opType),
  );

/** The first node of an operator that only ONNX Runtime has. */
export const runtimeNode = ({ model: { graph } }: Classifier): Node | undefined =>
  graph.nodes.find(
    ({ domain, opType }) => RUNTIME_DOMAIN.test(domain) || (domain === '' && RUNTIME_OPS.has(opType)),
  );

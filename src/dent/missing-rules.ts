import { nodesWithoutRule } from '../autodiff/index.ts';
import type { Node } from '../onnx/index.ts';
import type { Classifier } from './classifier.ts';
import type { AdaptableLayer } from './layers.ts';

/**
 * The nodes between the adapted layers and the logits that no gradient can pass, in the order of the graph.
 */
export function nodesInTheWay(
  { model: { graph }, logits }: Classifier,
  layers: readonly AdaptableLayer[],
): Node[] {
  const adapted = layers.map(({ node }) => node);
  const outputs = adapted.map((node) => node.outputs[0]!);
  return nodesWithoutRule(graph.nodes, outputs, [logits], new Set(adapted));
}

/** Ops that compute in integers, or go to integers and back. */
const QUANTISING = /^(QLinear\w+|ConvInteger|MatMulInteger\w*|(Dynamic)?Quantize\w*|QGemm|QAttention)$/;

/**
 * ONNX Runtime's own operators. It fuses a model's operators into these when it saves an optimised or
 * quantised model.
 */
const RUNTIME_DOMAIN = /^com\.(microsoft|ms)(\.|$)/;

/** ONNX Runtime's own operators that it keeps in the standard's domain. */
const RUNTIME_OPS: ReadonlySet<string> = new Set(['SimplifiedLayerNormalization']);

/**
 * The first node that quantises values which depend on pixels. Weights kept in integers have become constants
 * by now.
 */
export const quantisingNode = ({ model: { graph } }: Classifier): Node | undefined =>
  graph.nodes.find(
    ({ domain, opType }) => (domain === '' || RUNTIME_DOMAIN.test(domain)) && QUANTISING.test(opType),
  );

/** The first node of an operator that only ONNX Runtime has. */
export const runtimeNode = ({ model: { graph } }: Classifier): Node | undefined =>
  graph.nodes.find(
    ({ domain, opType }) => RUNTIME_DOMAIN.test(domain) || (domain === '' && RUNTIME_OPS.has(opType)),
  );

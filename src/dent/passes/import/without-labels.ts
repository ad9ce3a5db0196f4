import type { Graph, Model, Node } from '../../../onnx/index.ts';

/**
 * The same model with its bare probabilities, where it pairs them with class names by ZipMap (converters from
 * scikit-learn, Core ML and Custom Vision end models with it). A sequence of maps is no tensor.
 */
export function withoutLabels(model: Model): Model {
  const graph: Graph = { ...model.graph, nodes: model.graph.nodes.map(withoutMap) };
  return { ...model, graph };
}

function withoutMap(node: Node): Node {
  if (node.domain !== 'ai.onnx.ml' || node.opType !== 'ZipMap') return node;
  return { ...node, opType: 'Identity', domain: '', attributes: {} };
}

import { InputError } from '../../../errors.ts';
import { describeNode, type Graph, GraphBuilder, type Model, type Node } from '../../../onnx/index.ts';
import { CHANGES } from './opset-changes.ts';

/** The operator set that rules and compiler are written for. Later sets keep the operators that they use. */
const TARGET_OPSET = 18;
/** Before this set operators broadcast by other rules, and ONNX Runtime knows few of them. */
const OLDEST_OPSET = 7;
/** The newest that ONNX Runtime knows. */
const NEWEST_OPSET = 26;

/**
 * The same model in operator set 18 or later. The table of changes has all that changed since the model's own
 * set. Bodies of loops and branches are not rewritten: a model with such bodies and an older operator set is
 * refused.
 */
export function upgradeOpset(model: Model): Model {
  refuseUnknown(model.opset);
  const builder = new GraphBuilder();
  for (const node of model.graph.nodes)
    builder.append(model.opset < TARGET_OPSET ? upgradeNode(node, model, builder) : node);
  const initializers = new Map([...model.graph.initializers, ...builder.initializers]);
  const graph: Graph = { ...model.graph, nodes: builder.nodes, initializers };
  return {
    ...model,
    irVersion: Math.max(model.irVersion, 8),
    opset: Math.max(model.opset, TARGET_OPSET),
    graph,
  };
}

function refuseUnknown(opset: number): void {
  if (opset >= OLDEST_OPSET && opset <= NEWEST_OPSET) return;
  throw new InputError(
    `The model uses opset ${opset}; dent-serve reads opset ${OLDEST_OPSET} to ${NEWEST_OPSET}. Export it again in one of these, or convert it: onnx.version_converter.convert_version(model, ${TARGET_OPSET}).`,
  );
}

function upgradeNode(node: Node, { opset, graph }: Model, builder: GraphBuilder): Node {
  if (node.domain !== '') return node;
  for (const attribute of Object.values(node.attributes)) {
    if (attribute.kind === 'graph')
      throw new InputError(
        `${describeNode(node)} holds a graph of its own (opset ${opset}); export the model with opset ${TARGET_OPSET}, or convert it with onnx.version_converter.`,
      );
  }
  let upgraded = node;
  for (const { op, since, rewrite } of CHANGES) {
    if (since > opset && op === upgraded.opType) upgraded = rewrite(upgraded, { opset, graph, builder });
  }
  return upgraded;
}

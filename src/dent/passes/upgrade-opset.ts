import { InputError } from '../../errors.ts';
import {
  type Attribute,
  describeNode,
  type Graph,
  GraphBuilder,
  intAttribute,
  intsAttribute,
  type Model,
  type Node,
  type Value,
} from '../../onnx/index.ts';

/** The operator set that rules and compiler are written for; later ones keep what they use. */
const TARGET_OPSET = 18;
const OLDEST_OPSET = 11;

const AXES_BECAME_AN_INPUT: Readonly<Record<string, number>> = {
  Squeeze: 13,
  Unsqueeze: 13,
  ReduceSum: 13,
  ReduceL1: 18,
  ReduceL2: 18,
  ReduceLogSum: 18,
  ReduceLogSumExp: 18,
  ReduceMax: 18,
  ReduceMean: 18,
  ReduceMin: 18,
  ReduceProd: 18,
  ReduceSumSquare: 18,
};

/**
 * The same model in operator set 18 or later. Between 11 and 18 the ops of classifiers changed in four ways: axes and
 * split sizes moved from attributes to inputs, Softmax stopped flattening, Split must know its number of outputs, and Dropout became an inference no-op
 * with other inputs (here it is dropped altogether). Bodies of loops and branches are not rewritten: a model that has
 * them and an older operator set is refused.
 */
export function upgradeOpset(model: Model): Model {
  if (model.opset < OLDEST_OPSET) {
    throw new InputError(
      `The model uses opset ${model.opset}; dent-serve reads opset ${OLDEST_OPSET} and later. Export it again with a later one.`,
    );
  }
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

function upgradeNode(node: Node, model: Model, builder: GraphBuilder): Node {
  if (node.domain !== '') return node;
  for (const attribute of Object.values(node.attributes)) {
    if (attribute.kind === 'graph')
      throw new InputError(
        `${describeNode(node)} holds a graph of its own (opset ${model.opset}); export the model with opset ${TARGET_OPSET}.`,
      );
  }
  if (node.opType === 'BatchNormalization' && model.opset < 14 && node.outputs.length > 1)
    throw new InputError(
      `${describeNode(node)} is in training mode (opset ${model.opset}); export the model in evaluation mode.`,
    );
  const changedIn = AXES_BECAME_AN_INPUT[node.opType];
  if (changedIn !== undefined && model.opset < changedIn) return attributeToInput(node, 'axes', builder);
  if (node.opType === 'Split')
    return upgradeSplit(model.opset < 13 ? attributeToInput(node, 'split', builder) : node);
  if ((node.opType === 'Softmax' || node.opType === 'LogSoftmax') && model.opset < 13)
    return upgradeSoftmax(node, builder);
  return node;
}

function attributeToInput(node: Node, name: string, builder: GraphBuilder): Node {
  const values = intsAttribute(node, name);
  if (!values) return node;
  const { [name]: _, ...attributes } = node.attributes;
  return { ...node, inputs: [node.inputs[0]!, builder.ints(values)], attributes };
}

function upgradeSplit(node: Node): Node {
  if (node.inputs[1]) return node;
  const num_outputs: Attribute = { kind: 'int', value: node.outputs.length };
  return { ...node, attributes: { ...node.attributes, num_outputs } };
}

/** Before opset 13 Softmax flattened everything from `axis` on into one axis, 1 by default. */
function upgradeSoftmax(node: Node, builder: GraphBuilder): Node {
  const axis = intAttribute(node, 'axis', 1);
  const rank = node.outputs[0]?.type?.shape?.length;
  const last: Attribute = { kind: 'int', value: -1 };
  if (axis === -1 || rank === axis + 1) return { ...node, attributes: { axis: last } };
  const input = node.inputs[0] as Value;
  const flat = builder.op('Flatten', [input], { name: `${node.name}_flat`, attributes: { axis } });
  const soft = builder.op(node.opType, [flat], { name: node.name, attributes: { axis: -1 } });
  const shape = builder.op('Shape', [input], { name: `${node.name}_shape` });
  return {
    opType: 'Reshape',
    domain: '',
    name: `${node.name}_unflat`,
    inputs: [soft, shape],
    outputs: node.outputs,
    attributes: {},
  };
}

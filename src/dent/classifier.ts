import { InputError } from '../errors.ts';
import {
  DATA_TYPE,
  dataTypeName,
  describeNode,
  float32Constant,
  type Graph,
  GraphBuilder,
  intAttribute,
  type Model,
  type Node,
  producersOf,
  type Value,
  withoutUnused,
} from '../onnx/index.ts';
import { BATCH } from './batch-axis.ts';
import { closingSigmoid, closingSoftmax, isSoftmax } from './closing-ops.ts';
import { mapGraph } from './passes/map-graph.ts';

/** An image classifier: one image input, one output of logits. */
export interface Classifier {
  readonly model: Model;
  readonly input: Value;
  /** Logits before any closing Softmax, [N, K]. */
  readonly logits: Value;
  /** The name of the model's output that the logits stand for. */
  readonly outputName: string;
  /** The closing Softmax, or Sigmoid of two classes, that was taken off, if any. */
  readonly removed?: Node;
}

/** The model with its logits as its output. `output` is its own output, which `chooseOutput` finds. */
export function asClassifier(model: Model, output: Value): Classifier {
  const { graph } = model;
  const input = imageInput(graph);
  const producers = producersOf(graph.nodes);
  const sigmoid = closingSigmoid(output, producers);
  if (sigmoid) return ofTwoClasses({ model, input, logits: output, outputName: output.name }, sigmoid);
  const removed = closingSoftmax(output, producers);
  const found = { input, outputName: output.name, ...(removed && { removed }) };
  if (!removed || removed === producers.get(output)) {
    const logits = removed ? removed.inputs[0]! : output;
    const bare = withoutUnused({ ...graph, outputs: [logits] });
    return withFlatLogits({ ...found, logits, model: { ...model, graph: bare } });
  }
  const bypassed = mapGraph({ ...graph, outputs: [output] }, (node, replace) => {
    if (node.outputs[0] !== removed.outputs[0]) return [node];
    replace(node.outputs[0]!, node.inputs[0]!);
    return [];
  });
  return withFlatLogits({ ...found, logits: output, model: { ...model, graph: bypassed } });
}

/** The classifier with the logits that `write` makes. */
function withLogits(classifier: Classifier, write: (builder: GraphBuilder) => Value): Classifier {
  const { model } = classifier;
  const builder = new GraphBuilder('logits/');
  const logits = write(builder);
  const initializers = new Map([...model.graph.initializers, ...builder.initializers]);
  const nodes = [...model.graph.nodes, ...builder.nodes];
  const graph = withoutUnused({ ...model.graph, nodes, initializers, outputs: [logits] });
  return { ...classifier, logits, model: { ...model, graph } };
}

/** Convolutional heads give [N, K, 1, 1], and other converters [N, 1, K]: the logits without such axes. */
function withFlatLogits(classifier: Classifier): Classifier {
  const { logits } = classifier;
  const [rows, ...others] = logits.type?.shape ?? [];
  const [classes = 1, ...more] = others.filter((size) => size !== 1);
  if (others.length < 2 || more.length > 0) return classifier;
  return withLogits(classifier, (b) => b.op('Flatten', [logits], { name: 'flat', shape: [rows!, classes] }));
}

/**
 * A Sigmoid of one number z gives the probability of the second of two classes, whose logits are 0 and z.
 * That of several numbers gives labels that do not exclude each other. Unmeasured shapes are taken for one
 * number.
 */
function ofTwoClasses(classifier: Classifier, sigmoid: Node): Classifier {
  const { logits, outputName } = classifier;
  const [rows = BATCH, ...others] = logits.type?.shape ?? [];
  if (sigmoid.opType !== 'Sigmoid' || others.some((size) => size !== 1)) {
    throw new InputError(
      `The output "${outputName}" comes from ${describeNode(sigmoid)}: these are independent labels, and dent adapts classes of which one is right. Where one is, export the model without ${sigmoid.opType}.`,
    );
  }
  const write = (b: GraphBuilder) => {
    const single = b.op('Flatten', [sigmoid.inputs[0]!], { name: 'single', shape: [rows, 1] });
    return b.op('Mul', [single, b.constant(float32Constant([2], [0, 1]))], {
      name: 'both',
      shape: [rows, 2],
    });
  };
  return { ...withLogits(classifier, write), removed: sigmoid };
}

/**
 * Throws where the Softmax is not over the classes. Without it the model would give other numbers than its
 * own.
 */
function checkAxis(softmax: Node): void {
  const shape = softmax.inputs[0]?.type?.shape;
  if (!shape) return;
  const given = intAttribute(softmax, 'axis', -1);
  const axis = given < 0 ? given + shape.length : given;
  const isOverClasses = axis > 0 && shape.every((size, i) => i === 0 || i === axis || size === 1);
  if (isOverClasses) return;
  throw new InputError(
    `${describeNode(softmax)} goes over axis ${axis} of [${shape.join(', ')}], which is not that of the classes; export the model with it over axis 1, or without it.`,
  );
}

/** The image. Throws `InputError` where the model takes anything else. */
export function imageInput(graph: Graph): Value {
  const [input, ...others] = graph.inputs;
  if (!input)
    throw new InputError('The model has no input; export it again so that it takes a batch of images.');
  if (others.length > 0) {
    throw new InputError(
      `The model has ${graph.inputs.length} inputs (${graph.inputs.map((v) => v.name).join(', ')}); an image classifier has one. Export it again so that the others are constants.`,
    );
  }
  const { type } = input;
  if (type && type.dataType !== DATA_TYPE.float32) {
    throw new InputError(
      `The input "${input.name}" is of type ${dataTypeName(type.dataType)}; dent-serve feeds floats, or uint8 for pixels. Export it again with an input of one of them and a Cast behind it.`,
    );
  }
  if (type?.shape && type.shape.length !== 4) {
    throw new InputError(
      `The input "${input.name}" has ${type.shape.length} axes; an image batch has four: [N, C, H, W]. Export it again so that it takes one.`,
    );
  }
  return input;
}

/** The number of classes. Throws where the logits are not [N, K]. */
export function classCount(classifier: Classifier): number {
  const shape = classifier.logits.type?.shape;
  const classes = shape?.[1];
  if (shape?.length !== 2 || typeof shape[0] === 'number' || typeof classes !== 'number') {
    const producer = producersOf(classifier.model.graph.nodes).get(classifier.logits);
    const at = producer ? ` (from ${describeNode(producer)})` : '';
    throw new InputError(
      `The output "${classifier.outputName}"${at} has the shape [${shape?.join(', ')}]; a classifier's logits are [N, classes]. Export it again so that it returns them.`,
    );
  }
  if (classifier.removed && isSoftmax(classifier.removed)) checkAxis(classifier.removed);
  if (classes < 2) {
    throw new InputError(
      `The output "${classifier.outputName}" is of a single class, whose entropy is always zero; dent adapts two classes or more. Export it again with a logit for each of the two, or with a Sigmoid behind it.`,
    );
  }
  return classes;
}

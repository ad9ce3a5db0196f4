import { InputError } from '../errors.ts';
import {
  DATA_TYPE,
  dataTypeName,
  describeNode,
  type Graph,
  type Model,
  type Node,
  producersOf,
  type Value,
  withoutUnused,
} from '../onnx/index.ts';
import { mapGraph } from './passes/map-graph.ts';

/** An image classifier: one image input, one output of logits. */
export interface Classifier {
  readonly model: Model;
  readonly input: Value;
  /** Logits before any closing Softmax, [N, K]. */
  readonly logits: Value;
  /** The name of the model's output that the logits stand for. */
  readonly outputName: string;
  /** The closing Softmax that was taken off, if any. */
  readonly removed?: Node;
}

/**
 * The output that classifies: the first that is no list of class numbers. Others, such as those of auxiliary heads, are not
 * compiled. Throws `InputError` where there is none.
 */
export function mainOutput({ outputs }: Graph): Value {
  if (outputs.length === 0) throw new InputError('The model has no output.');
  const output = outputs.find((value) => !isInteger(value));
  if (output) return output;
  const names = outputs.map((value) => `"${value.name}"`).join(', ');
  throw new InputError(`The model only gives class numbers (${names}); dent adapts logits or probabilities.`);
}

/** Finds image and logits. Throws `InputError` where the model is no image classifier of float32 images. */
export function asClassifier(model: Model): Classifier {
  const { graph } = model;
  const input = imageInput(graph);
  const output = mainOutput(graph);
  const producers = producersOf(graph.nodes);
  const last = producers.get(output);
  if (last?.domain === '' && last.opType === 'Sigmoid') {
    throw new InputError(
      `The output "${output.name}" comes from ${describeNode(last)}: these are independent labels, and dent adapts classes of which one is right.`,
    );
  }
  const removed = closingSoftmax(output, producers);
  const found = { input, outputName: output.name, ...(removed && { removed }) };
  if (!removed || removed === last) {
    const logits = removed ? removed.inputs[0]! : output;
    return { ...found, logits, model: { ...model, graph: withoutUnused({ ...graph, outputs: [logits] }) } };
  }
  const bypassed = mapGraph({ ...graph, outputs: [output] }, (node, replace) => {
    if (node.outputs[0] !== removed.outputs[0]) return [node];
    replace(node.outputs[0]!, node.inputs[0]!);
    return [];
  });
  return { ...found, logits: output, model: { ...model, graph: bypassed } };
}

const INTEGERS: ReadonlySet<number> = new Set([
  DATA_TYPE.int32,
  DATA_TYPE.int64,
  DATA_TYPE.uint8,
  DATA_TYPE.string,
]);

const isInteger = ({ type }: Value): boolean => type !== undefined && INTEGERS.has(type.dataType);

/** Ops that may stand behind the closing Softmax: they change names, types and shapes, not numbers. */
const WRAPPERS: ReadonlySet<string> = new Set([
  'Identity',
  'Cast',
  'Flatten',
  'Reshape',
  'Squeeze',
  'Unsqueeze',
]);

/** The Softmax or LogSoftmax over the classes that ends the model: dent adapts the logits before it. */
function closingSoftmax(output: Value, producers: ReadonlyMap<Value, Node>): Node | undefined {
  let node = producers.get(output);
  while (node && node.domain === '' && WRAPPERS.has(node.opType)) {
    node = node.inputs[0] ? producers.get(node.inputs[0]) : undefined;
  }
  const isSoftmax = node?.domain === '' && (node.opType === 'Softmax' || node.opType === 'LogSoftmax');
  return isSoftmax ? node : undefined;
}

function imageInput(graph: Graph): Value {
  const [input, ...others] = graph.inputs;
  if (!input) throw new InputError('The model has no input.');
  if (others.length > 0) {
    throw new InputError(
      `The model has ${graph.inputs.length} inputs (${graph.inputs.map((v) => v.name).join(', ')}); an image classifier has one.`,
    );
  }
  const { type } = input;
  if (type && type.dataType !== DATA_TYPE.float32) {
    throw new InputError(
      `The input "${input.name}" is of type ${dataTypeName(type.dataType)}; dent-serve feeds float32.`,
    );
  }
  if (type?.shape && type.shape.length !== 4) {
    throw new InputError(
      `The input "${input.name}" has ${type.shape.length} axes; an image batch has four: [N, C, H, W].`,
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
      `The output "${classifier.outputName}"${at} has the shape [${shape?.join(', ')}]; a classifier's logits are [N, classes].`,
    );
  }
  if (classes < 2) {
    throw new InputError(
      `The output "${classifier.outputName}" is of a single class, whose entropy is always zero; dent adapts two classes or more.`,
    );
  }
  return classes;
}

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
} from '../onnx/index.ts';

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

/** Finds image and logits. Throws `InputError` where the model is no image classifier of float32 images. */
export function asClassifier(model: Model): Classifier {
  const { graph } = model;
  const input = imageInput(graph);
  const output = graph.outputs[0];
  if (!output) throw new InputError('The model has no output.');
  const producer = producersOf(graph.nodes).get(output);
  const closing = producer && isSoftmax(producer) ? producer : undefined;
  const logits = closing ? closing.inputs[0]! : output;
  const classifier = {
    model: { ...model, graph: { ...graph, outputs: [logits] } },
    input,
    logits,
    outputName: output.name,
  };
  return closing ? { ...classifier, removed: closing } : classifier;
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

/** A Softmax or LogSoftmax over the last axis: dent adapts the logits before it. */
function isSoftmax(node: Node): boolean {
  return node.domain === '' && (node.opType === 'Softmax' || node.opType === 'LogSoftmax');
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
  return classes;
}

import { InputError } from '../errors.ts';
import {
  DATA_TYPE,
  type Dim,
  dependentsOf,
  type Graph,
  type Node,
  producersOf,
  type Value,
  valuesRead,
} from '../onnx/index.ts';
import { closingSigmoid, isSoftmax, WRAPPERS } from './closing-ops.ts';

/** What is known about the classifying output besides the model's file. */
export interface OutputHint {
  /** The name of the output that holds logits or probabilities. */
  readonly output?: string;
  /** How many classes there are. */
  readonly classes?: number;
}

const NAME_IT =
  'say which one holds the logits by "output": "NAME" in model.json or --output NAME (--model-output NAME for adapt and compile)';

/**
 * The output that classifies; the others are not compiled. Of several outputs it is the one of shape [N,
 * classes], or else the one with further axes of size one, that is furthest behind: logits come behind
 * features, the main head behind auxiliary ones. Throws `InputError` with the list where none is left, or
 * more than one.
 */
export function chooseOutput(graph: Graph, hint: OutputHint = {}): Value {
  const { outputs } = graph;
  if (outputs.length === 0) {
    throw new InputError('The model has no output; export it again so that it returns its logits.');
  }
  if (hint.output !== undefined) return namedOutput(outputs, hint.output);
  const floats = outputs.filter(isFloat);
  if (floats.length === 0) {
    throw new InputError(
      `The model only gives class numbers (${listed(outputs)}); export it again so that it returns logits or probabilities.`,
    );
  }
  if (floats.length === 1) return floats[0]!;
  const likely = mostLikely(graph, floats, hint.classes);
  if (likely.length === 1) return likely[0]!;
  const why =
    likely.length > 1
      ? `and ${likely.map(({ name }) => `"${name}"`).join(' and ')} may be its logits`
      : 'none of the shape [N, classes]';
  throw new InputError(`The model has the outputs ${listed(outputs)}, ${why}; ${NAME_IT}.`);
}

function namedOutput(outputs: readonly Value[], name: string): Value {
  const found = outputs.find((value) => value.name === name);
  if (!found) {
    throw new InputError(`The model has no output "${name}"; name one of its outputs: ${listed(outputs)}.`);
  }
  if (isFloat(found)) return found;
  throw new InputError(
    `The output "${name}" holds no floating-point numbers; name one of logits or probabilities: ${listed(outputs)}.`,
  );
}

/** `"features" [N, 512], "logits" [N, 10]` */
const listed = (values: readonly Value[]): string =>
  values.map(({ name, type }) => `"${name}"${type?.shape ? ` [${type.shape.join(', ')}]` : ''}`).join(', ');

const FLOATS: ReadonlySet<number> = new Set([
  DATA_TYPE.float32,
  DATA_TYPE.float64,
  DATA_TYPE.float16,
  DATA_TYPE.bfloat16,
]);

/** An undeclared type may be one. */
const isFloat = ({ type }: Value): boolean => type === undefined || FLOATS.has(type.dataType);

function mostLikely(graph: Graph, floats: readonly Value[], classes: number | undefined): Value[] {
  const producers = producersOf(graph.nodes);
  const scores = floats.filter((value) => classesOf(value) !== 1 && !isSelection(value, producers));
  const plain = scores.filter(({ type }) => !type?.shape || type.shape.length === 2);
  const shaped = plain.length > 0 ? plain : scores;
  const counted = shaped.filter((value) => classes !== undefined && classesOf(value) === classes);
  const distinct = withoutCopies(counted.length > 0 ? counted : shaped, producers);
  const last = distinct.filter((value) => {
    const behind = dependentsOf(graph.nodes, [value]);
    return !distinct.some((other) => other !== value && behind.has(other));
  });
  const sizes = new Set(last.map(classesOf));
  const likely = sizes.size === 1 ? deepest(graph, last) : last;
  return counted.length > 0 ? likely : ofTwoClassesBehind(graph, floats, likely);
}

/** The output of two classes: a Sigmoid of one number behind the only likely output, which has features. */
function ofTwoClassesBehind(graph: Graph, floats: readonly Value[], likely: readonly Value[]): Value[] {
  const producers = producersOf(graph.nodes);
  const behind = likely.length === 1 ? dependentsOf(graph.nodes, likely) : new Set<Value>();
  const found = floats.filter((value) => {
    const isOne = value.type?.shape?.slice(1).every((size) => size === 1) ?? false;
    return isOne && behind.has(value) && closingSigmoid(value, producers)?.opType === 'Sigmoid';
  });
  return found.length === 1 ? found : [...likely];
}

/**
 * The declared size of the only axis beside the rows that is not of size one; 1 where there is no such axis,
 * or more than one. Undefined where the shape is not declared, as it may then be anything.
 */
function classesOf({ type }: Value): Dim | undefined {
  if (!type?.shape) return undefined;
  const [classes = 1, ...others] = type.shape.slice(1).filter((size) => size !== 1);
  return others.length > 0 ? 1 : classes;
}

/**
 * Walks back over the nodes that close a classifier: changes of type and shape, and Softmax where
 * `throughSoftmax`.
 */
function sourceOf(value: Value, producers: ReadonlyMap<Value, Node>, throughSoftmax: boolean): Value {
  const node = producers.get(value);
  const passes = node?.domain === '' && (WRAPPERS.has(node.opType) || (throughSoftmax && isSoftmax(node)));
  return passes && node.inputs[0] ? sourceOf(node.inputs[0], producers, throughSoftmax) : value;
}

/** The best few classes of each image are no scores of all classes. */
const isSelection = (value: Value, producers: ReadonlyMap<Value, Node>): boolean =>
  producers.get(sourceOf(value, producers, false))?.opType === 'TopK';

/** Of outputs that are the same logits with and without a Softmax, keeps the one without. */
function withoutCopies(values: readonly Value[], producers: ReadonlyMap<Value, Node>): Value[] {
  const kept = new Map<Value, Value>();
  for (const value of values) {
    const source = sourceOf(value, producers, true);
    const isBare = sourceOf(value, producers, false) === source;
    if (isBare || !kept.has(source)) kept.set(source, value);
  }
  return [...kept.values()];
}

/** Those at the end of the longest way through the graph. */
function deepest({ nodes }: Graph, values: readonly Value[]): Value[] {
  const depths = new Map<Value, number>();
  const depthOf = (value: Value): number => depths.get(value) ?? 0;
  for (const node of nodes) {
    const depth = 1 + Math.max(0, ...valuesRead(node).map(depthOf));
    for (const value of node.outputs) if (value) depths.set(value, depth);
  }
  const most = Math.max(...values.map(depthOf));
  return values.filter((value) => depthOf(value) === most);
}

import type { Node, Value } from '../onnx/index.ts';

/** Ops that may stand behind the closing Softmax: they change names, types and shapes, not numbers. */
export const WRAPPERS: ReadonlySet<string> = new Set([
  'Identity',
  'Cast',
  'Flatten',
  'Reshape',
  'Squeeze',
  'Unsqueeze',
]);

/** These ops, and those that may stand behind a closing Sigmoid and leave its labels independent. */
const WRAPPERS_AND_LIMITS: ReadonlySet<string> = new Set([
  ...WRAPPERS,
  ...['Clip', 'Min', 'Max', 'Transpose', 'Mul', 'Div'],
]);

export const isSoftmax = ({ domain, opType }: Node): boolean =>
  domain === '' && (opType === 'Softmax' || opType === 'LogSoftmax');

/** The node that makes the output, seen through the ops of `passed`. */
function closing(
  output: Value,
  producers: ReadonlyMap<Value, Node>,
  passed: ReadonlySet<string>,
): Node | undefined {
  const node = producers.get(output);
  if (node?.domain !== '' || !passed.has(node.opType)) return node;
  const computed = node.inputs.filter((value) => value !== null && producers.has(value));
  // Of two computed inputs, neither just limits the other. A shape may be computed as well.
  const source = WRAPPERS.has(node.opType) ? node.inputs[0] : computed.length === 1 ? computed[0] : undefined;
  return source ? closing(source, producers, passed) : node;
}

/** The Softmax or LogSoftmax that ends the model: dent adapts the logits before it. */
export function closingSoftmax(output: Value, producers: ReadonlyMap<Value, Node>): Node | undefined {
  const node = closing(output, producers, WRAPPERS);
  return node && isSoftmax(node) ? node : undefined;
}

/** The Sigmoid that ends the model: labels that do not exclude each other, or one of two classes. */
export function closingSigmoid(output: Value, producers: ReadonlyMap<Value, Node>): Node | undefined {
  const node = closing(output, producers, WRAPPERS_AND_LIMITS);
  return node?.domain === '' && (node.opType === 'Sigmoid' || node.opType === 'HardSigmoid')
    ? node
    : undefined;
}

/** The node that computes the output, apart from changes of type and shape. */
export const closingNode = (output: Value, producers: ReadonlyMap<Value, Node>): Node | undefined =>
  closing(output, producers, WRAPPERS);

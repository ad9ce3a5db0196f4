import type { Constant, Dim, GraphBuilder, Node, Value } from '../onnx/index.ts';

/** A CPU runs the gradient of a convolution fastest as a convolution, a GPU as a transposed one. */
export type Target = 'cpu' | 'cuda';

/** What a rule may ask and where it writes. */
export interface VjpContext {
  /** The node whose gradient is asked for. */
  readonly node: Node;
  /** Gradient of the objective with respect to the node's first output, of that output's shape. */
  readonly gradient: Value;
  /** The same for any output; null where nothing depends on it. */
  gradientOf(output: number): Value | null;
  input(index: number): Value;
  output(index: number): Value;
  /** Whether the gradient with respect to this input is wanted. A rule builds no other. */
  needs(input: number): boolean;
  /** Throws `InputError` where the shape is unknown. */
  shapeOf(value: Value): readonly Dim[];
  /** The value's elements where it is an initializer. */
  constantOf(value: Value): Constant | undefined;
  /** Appends the nodes of the gradient. */
  readonly emit: GraphBuilder;
  /** The hardware the gradient is written for, where the fastest form differs. */
  readonly target: Target;
  /** An `InputError` that names the node and says which part of it has no gradient here. */
  unsupported(what: string): Error;
}

/**
 * The vector-Jacobian product of one op: from the gradients of its outputs to those of its inputs. One entry
 * for each input, null where there is none. A rule does the calculus only; the driver sums the contributions
 * of several consumers.
 */
export type VjpRule = (context: VjpContext) => readonly (Value | null)[];

export interface VjpEntry {
  readonly vjp: VjpRule;
  /**
   * The op broadcasts its inputs against each other (NumPy's rule). Its gradients have the output's shape,
   * and the driver sums them back to each input's shape.
   */
  readonly broadcasts?: boolean;
  /** Which part of the op is supported, for docs/operators.md. Absent: all of it. */
  readonly note?: string;
}

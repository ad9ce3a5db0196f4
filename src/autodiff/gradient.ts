import { InputError } from '../errors.ts';
import {
  DATA_TYPE,
  type Dim,
  dependentsOf,
  describeNode,
  type GraphBuilder,
  type Node,
  type Value,
  valuesRead,
} from '../onnx/index.ts';
import { NOT_DIFFERENTIABLE, VJP_RULES } from './rules/index.ts';
import { sumToShape } from './sum-to-shape.ts';
import type { Target, VjpContext } from './vjp.ts';

/**
 * Appends to `builder` the nodes that compute the gradient of the scalar `objective` with respect to each of
 * `parameters`. Returns those gradients, each of its parameter's shape. This is reverse-mode accumulation
 * over the nodes of `builder`; only nodes between the parameters and the objective are visited. The shapes of
 * the values in between must be known. Throws `InputError` naming the node where a rule is missing or does
 * not cover it, and where there is no gradient. With `emit`, a branch of `builder`'s graph, the nodes go
 * there; it sees all values around it.
 */
export function appendGradients(
  builder: GraphBuilder,
  objective: Value,
  parameters: readonly Value[],
  target: Target = 'cpu',
  emit: GraphBuilder = builder,
): Value[] {
  const gradients = appendGradientsIfAny(builder, objective, parameters, target, emit);
  return gradients.map((gradient, i) => {
    if (!gradient) throw new InputError(`The objective does not depend on "${parameters[i]!.name}".`);
    return gradient;
  });
}

/** As `appendGradients`, with null where a parameter does not move the objective, or only in jumps. */
export function appendGradientsIfAny(
  builder: GraphBuilder,
  objective: Value,
  parameters: readonly Value[],
  target: Target = 'cpu',
  emit: GraphBuilder = builder,
): (Value | null)[] {
  const forward = [...builder.nodes];
  const tape = new GradientTape(emit, variablesOf(forward, parameters));
  const isDouble = objective.type?.dataType === DATA_TYPE.float64;
  tape.contribute(objective, isDouble ? emit.double(1) : emit.float(1));
  const constantOf = (value: Value) => builder.initializers.get(value) ?? emit.initializers.get(value);
  for (const node of forward.toReversed()) backpropagate(node, tape, { emit, target, constantOf });
  return parameters.map((parameter) => tape.gradientOf(parameter));
}

/**
 * `roots` and the values that change smoothly with them. Values that only follow from their shapes, or that
 * jump, have no gradient.
 */
export function variablesOf(nodes: readonly Node[], roots: Iterable<Value>): Set<Value> {
  return dependentsOf(
    nodes.filter((node) => !isConstantAlmostEverywhere(node)),
    roots,
  );
}

const isConstantAlmostEverywhere = ({ domain, opType }: Node): boolean =>
  domain === '' && NOT_DIFFERENTIABLE.has(opType);

/** The gradients gathered so far, by value. */
class GradientTape {
  readonly #contributions = new Map<Value, Value[]>();
  readonly #builder: GraphBuilder;
  readonly #dependents: ReadonlySet<Value>;

  constructor(builder: GraphBuilder, dependents: ReadonlySet<Value>) {
    this.#builder = builder;
    this.#dependents = dependents;
  }

  needs(value: Value | null | undefined): boolean {
    const dataType = value?.type?.dataType ?? DATA_TYPE.float32;
    const isFloat = dataType === DATA_TYPE.float32 || dataType === DATA_TYPE.float64;
    return value != null && isFloat && this.#dependents.has(value);
  }

  contribute(value: Value, gradient: Value): void {
    const list = this.#contributions.get(value);
    if (list) list.push(gradient);
    else this.#contributions.set(value, [gradient]);
  }

  /** The sum of what the consumers contributed; complete once all of them have been visited. */
  gradientOf(value: Value): Value | null {
    const list = this.#contributions.get(value);
    if (!list) return null;
    if (list.length > 1) {
      const sum = list.length === 2 ? this.#builder.op('Add', list) : this.#builder.op('Sum', list);
      this.#contributions.set(value, [sum]);
    }
    const gradient = this.#contributions.get(value)![0]!;
    // A gradient has the shape of what it belongs to.
    if (value.type) gradient.type ??= value.type;
    return gradient;
  }
}

/** The part of a rule's context that does not depend on its node. */
type Surroundings = Pick<VjpContext, 'emit' | 'target' | 'constantOf'>;

function backpropagate(node: Node, tape: GradientTape, surroundings: Surroundings): void {
  // Values that the body of a loop or branch takes from around it count too.
  if (!valuesRead(node).some((value) => tape.needs(value))) return;
  const gradients = node.outputs.map((value) => (value ? tape.gradientOf(value) : null));
  if (gradients.every((gradient) => gradient === null)) return;
  if (isConstantAlmostEverywhere(node)) return;
  const entry = node.domain === '' ? VJP_RULES[node.opType] : undefined;
  if (!entry) {
    throw new InputError(`${describeNode(node)} has no gradient rule, so no gradient passes it.`);
  }
  const results = entry.vjp(createContext(node, gradients, tape, surroundings));
  if (results.length > node.inputs.length) {
    throw new Error(
      `The rule of ${node.opType} returned ${results.length} gradients for ${node.inputs.length} inputs. This is a bug.`,
    );
  }
  results.forEach((gradient, i) => {
    const input = node.inputs[i];
    if (!gradient || !input || !tape.needs(input)) return;
    tape.contribute(
      input,
      entry.broadcasts ? unbroadcast(surroundings.emit, node, input, gradient) : gradient,
    );
  });
}

function unbroadcast(builder: GraphBuilder, node: Node, input: Value, gradient: Value): Value {
  const type = node.outputs[0]!.type;
  if (type) gradient.type ??= type;
  return sumToShape(builder, gradient, shapeOf(node.outputs[0]!, node), shapeOf(input, node));
}

function shapeOf(value: Value, node: Node): readonly Dim[] {
  const shape = value.type?.shape;
  if (!shape) throw new InputError(`The shape of "${value.name}" at ${describeNode(node)} is unknown.`);
  return shape;
}

function createContext(
  node: Node,
  gradients: readonly (Value | null)[],
  tape: GradientTape,
  surroundings: Surroundings,
): VjpContext {
  const present = (value: Value | null | undefined, what: string): Value => {
    if (!value) throw new InputError(`${describeNode(node)} lacks its ${what}.`);
    return value;
  };
  return {
    ...surroundings,
    node,
    get gradient() {
      const gradient = gradients[0];
      if (!gradient)
        throw new InputError(
          `${describeNode(node)} is only used by a side output, which has no gradient rule.`,
        );
      return gradient;
    },
    gradientOf: (i) => gradients[i] ?? null,
    input: (i) => present(node.inputs[i], `input ${i}`),
    output: (i) => present(node.outputs[i], `output ${i}`),
    needs: (i) => tape.needs(node.inputs[i]),
    shapeOf: (value) => shapeOf(value, node),
    unsupported: (what) => new InputError(`${describeNode(node)}: ${what} has no gradient rule.`),
  };
}

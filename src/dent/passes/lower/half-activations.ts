import {
  type Attribute,
  type Constant,
  DATA_TYPE,
  float16Constant,
  float32Constant,
  type Graph,
  type Node,
  toFloat32,
  type Value,
  withoutUnused,
} from '../../../onnx/index.ts';
import { withBodies } from '../map-graph.ts';
import { foldNormalization } from './fold-normalization.ts';
import {
  floatInputs,
  isComparison,
  isConvolution,
  isPulledThrough,
  LARGEST_HALF,
  partOf,
} from './half-operators.ts';
import { sumAtOnce } from './sum-at-once.ts';

/**
 * Has activations and their gradients computed in float16: convolutions, and from there on what is computed
 * element by element. Parameters, statistics, and what is summed up from activations stay in float32 or are
 * cast to it. Bodies of loops and branches are rewritten too.
 */
export const halveActivations = (graph: Graph): Graph =>
  new Halving().rewrite(sumAtOnce(foldNormalization(graph)));

/** A graph or body under construction. */
interface Scope {
  readonly nodes: Node[];
  readonly initializers: Map<Value, Constant>;
}

/**
 * What a value in float16 is: an `activation`, from which more is computed in float16, or the `result` of a
 * sum or a change of layout, from which nothing else is.
 */
type Kind = 'activation' | 'result';

class Halving {
  /** The scope that a value belongs to. What is made of it is put there, so that loops do not repeat it. */
  readonly #scopes = new Map<Value, Scope>();
  readonly #constants = new Map<Value, Constant>();
  /** The nodes that compute values in float32. */
  readonly #producers = new Map<Value, Node>();
  /** The float16 copies of values. */
  readonly #halves = new Map<Value, Value>();
  /** The values that are computed in float16. */
  readonly #kinds = new Map<Value, Kind>();
  /** Those of them that have a float32 copy as well. */
  readonly #widened = new Set<Value>();
  /** Sums that float16 may not hold. */
  readonly #sums = new Set<Value>();
  /** Truths about activations. */
  readonly #masks = new Set<Value>();

  rewrite(graph: Graph): Graph {
    const scope: Scope = { nodes: [], initializers: new Map(graph.initializers) };
    for (const value of graph.inputs) this.#scopes.set(value, scope);
    for (const [value, constant] of graph.initializers) {
      this.#scopes.set(value, scope);
      this.#constants.set(value, constant);
    }
    for (const node of graph.nodes) {
      for (const value of node.outputs) if (value) this.#scopes.set(value, scope);
      this.#append(scope, node);
    }
    for (const value of graph.outputs) this.#whole(value);
    return withoutUnused({ ...graph, ...scope });
  }

  #append(scope: Scope, node: Node): void {
    const kind = this.#kindOf(node);
    if (kind) {
      this.#appendHalf(scope, node, kind);
    } else if (node.opType === 'Shape') {
      // Any copy tells the shape.
      const inputs = node.inputs.map(
        (value) => value && (this.#kinds.has(value) ? this.#half(value) : value),
      );
      scope.nodes.push({ ...node, inputs });
    } else {
      const inputs = node.inputs.map((value) => value && this.#whole(value));
      const whole = { ...withBodies(node, (body) => this.rewrite(body)), inputs };
      scope.nodes.push(whole);
      for (const value of node.outputs) if (value) this.#producers.set(value, whole);
      if (MASK_LOGIC.has(node.opType) && node.inputs.some((value) => value && this.#masks.has(value)))
        this.#masks.add(node.outputs[0]!);
    }
  }

  /** What the result of a node is in float16; undefined where the node computes in float32. */
  #kindOf(node: Node): Kind | undefined {
    if (isConvolution(node)) return 'activation';
    if (isCastToFloat(node) && this.#masks.has(node.inputs[0]!)) return 'activation';
    const part = partOf(node, (value) => this.#constants.get(value));
    if (!part) return undefined;
    const kinds = floatInputs(node).map((i) => this.#kinds.get(node.inputs[i]!));
    const isNextToActivation = kinds.includes('activation');
    if (part === 'layout') {
      if (node.opType === 'Concat' && isNextToActivation) return 'activation';
      return kinds.every((kind) => kind !== undefined) ? 'result' : undefined;
    }
    if (!isNextToActivation) return undefined;
    return part === 'sum' ? 'result' : 'activation';
  }

  #appendHalf(scope: Scope, node: Node, kind: Kind): void {
    if (isCastToFloat(node)) {
      scope.nodes.push(castTo(node.inputs[0]!, this.#newHalf(node.outputs[0]!), DATA_TYPE.float16));
    } else {
      const floats = new Set(floatInputs(node));
      const inputs = node.inputs.map((value, i) => (value && floats.has(i) ? this.#half(value) : value));
      if (isComparison(node)) {
        scope.nodes.push({ ...node, inputs });
        this.#masks.add(node.outputs[0]!);
        return;
      }
      const others = node.opType === 'MaxPool' ? 1 : node.outputs.length;
      const outputs = node.outputs.map((value, i) => value && (i < others ? this.#newHalf(value) : value));
      scope.nodes.push({ ...node, inputs, outputs, attributes: heldAttributes(node) });
    }
    const mayOverflow =
      node.opType === 'ReduceSum' || (kind === 'result' && node.inputs.some((v) => v && this.#sums.has(v)));
    for (const value of node.outputs) {
      if (!value || !this.#halves.has(value)) continue;
      this.#kinds.set(value, kind);
      if (mayOverflow) this.#sums.add(value);
    }
  }

  #newHalf(value: Value): Value {
    const half: Value = { name: `${value.name}_half` };
    if (value.type) half.type = { ...value.type, dataType: DATA_TYPE.float16 };
    this.#halves.set(value, half);
    return half;
  }

  /** The value in float16. */
  #half(value: Value): Value {
    const known = this.#halves.get(value);
    if (known) return known;
    const scope = this.#scopes.get(value)!;
    const producer = this.#producers.get(value);
    if (producer && isPulledThrough(producer)) {
      const [data, ...others] = producer.inputs;
      const inputs = [this.#half(data!), ...others];
      scope.nodes.push({ ...producer, inputs, outputs: producer.outputs.map((v) => v && this.#newHalf(v)) });
      return this.#halves.get(value)!;
    }
    const constant = this.#constants.get(value);
    const half = this.#newHalf(value);
    if (constant) scope.initializers.set(half, float16Constant(constant.dims, toFloat32(constant)));
    else scope.nodes.push(castTo(value, half, DATA_TYPE.float16));
    return half;
  }

  /** The value in float32. A sum that float16 could not hold is the largest number that it can. */
  #whole(value: Value): Value {
    if (!this.#kinds.has(value) || this.#widened.has(value)) return value;
    this.#widened.add(value);
    const { nodes, initializers } = this.#scopes.get(value)!;
    const half = this.#halves.get(value)!;
    if (!this.#sums.has(value)) {
      nodes.push(castTo(half, value, DATA_TYPE.float32));
      return value;
    }
    const unbounded: Value = { name: `${value.name}_unbounded` };
    const bounds = [-LARGEST_HALF, LARGEST_HALF].map((bound): Value => {
      const limit = { name: `${value.name}_bound`, type: { dataType: DATA_TYPE.float32, shape: [] } };
      initializers.set(limit, float32Constant([], [bound]));
      return limit;
    });
    const name = `${value.name}_clip`;
    const inputs = [unbounded, ...bounds];
    nodes.push(castTo(half, unbounded, DATA_TYPE.float32));
    nodes.push({ opType: 'Clip', domain: '', name, inputs, outputs: [value], attributes: {} });
    return value;
  }
}

const MASK_LOGIC: ReadonlySet<string> = new Set(['And', 'Not', 'Or', 'Xor']);

const castTo = (from: Value, to: Value, dataType: number): Node => ({
  opType: 'Cast',
  domain: '',
  name: `${to.name}_cast`,
  inputs: [from],
  outputs: [to],
  attributes: { to: { kind: 'int', value: dataType } },
});

function isCastToFloat({ opType, domain, attributes: { to } }: Node): boolean {
  return domain === '' && opType === 'Cast' && to?.kind === 'int' && to.value === DATA_TYPE.float32;
}

/** The attributes with numbers that float16 holds: an infinite slope would make no number of zero. */
function heldAttributes({ attributes }: Node): Node['attributes'] {
  const held = (attribute: Attribute): Attribute =>
    attribute.kind === 'float'
      ? { kind: 'float', value: Math.max(-LARGEST_HALF, Math.min(LARGEST_HALF, attribute.value)) }
      : attribute;
  return Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, held(value)]));
}

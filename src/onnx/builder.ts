import { boolConstant, type Constant, float32Constant, float64Constant, int64Constant } from './constant.ts';
import { DATA_TYPE, type DataType } from './data-type.ts';
import type { Attribute, Dim, Graph, Node, Value } from './graph.ts';

/**
 * Attributes as they are written in code: whole numbers become ints, so a float attribute is given as `{
 * float: 1 }`.
 */
export type PlainAttribute =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly graph: Graph }
  | Attribute;

/** An input of a node under construction; a number stands for a scalar of the node's float type. */
export type Operand = Value | number;

export interface OpOptions {
  readonly attributes?: Readonly<Record<string, PlainAttribute>>;
  /** A wish for the name of the node and its outputs. */
  readonly name?: string;
  /** The shape of the first output, where the writer of the node knows it and a gradient will ask for it. */
  readonly shape?: readonly Dim[];
}

type FloatType = typeof DATA_TYPE.float32 | typeof DATA_TYPE.float64;

/**
 * Writes nodes one after the other into a graph that ends with `build`. Constants become initializers of this
 * very graph, also inside a loop's body: ONNX Runtime chooses its fastest kernels only for weights that
 * belong to the graph itself.
 */
export class GraphBuilder {
  readonly #nodes: Node[] = [];
  readonly #initializers = new Map<Value, Constant>();
  readonly #shared = new Map<string, Value>();
  readonly #prefix: string;

  /** `prefix` starts the names of new nodes and values, for readers of the finished graph. */
  constructor(prefix = '') {
    this.#prefix = prefix;
  }

  get nodes(): readonly Node[] {
    return this.#nodes;
  }

  get initializers(): ReadonlyMap<Value, Constant> {
    return this.#initializers;
  }

  /** Appends a node with one output. */
  op(opType: string, inputs: readonly (Operand | null)[], options: OpOptions = {}): Value {
    const value = this.multi(opType, inputs, 1, options)[0]!;
    const dataType = resultType(opType, inputs, options);
    if (options.shape) value.type = { dataType: dataType ?? DATA_TYPE.float32, shape: options.shape };
    else if (dataType !== undefined) value.type = { dataType };
    return value;
  }

  /** Appends a node with several outputs. */
  multi(
    opType: string,
    inputs: readonly (Operand | null)[],
    outputs: number,
    options: OpOptions = {},
  ): Value[] {
    const name = this.#prefix + (options.name ?? opType);
    const values: Value[] = Array.from({ length: outputs }, () => ({ name }));
    const scalar = floatTypeOf(inputs) === DATA_TYPE.float64 ? this.double : this.float;
    this.#nodes.push({
      opType,
      domain: '',
      name,
      inputs: inputs.map((operand) => (typeof operand === 'number' ? scalar.call(this, operand) : operand)),
      outputs: values,
      attributes: plainAttributes(options.attributes ?? {}),
    });
    return values;
  }

  /** Appends an existing node as it is. */
  append(node: Node): void {
    this.#nodes.push(node);
  }

  /** Makes an existing value an initializer of this graph. */
  adopt(value: Value, constant: Constant): void {
    value.type = { dataType: constant.dataType, shape: constant.dims };
    this.#initializers.set(value, constant);
  }

  constant(constant: Constant, name = 'constant'): Value {
    const value: Value = {
      name: this.#prefix + name,
      type: { dataType: constant.dataType, shape: constant.dims },
    };
    this.#initializers.set(value, constant);
    return value;
  }

  /** A float32 scalar. */
  float(value: number): Value {
    return this.#once(`f32 ${value}`, () => float32Constant([], [value]));
  }

  /** A float64 scalar. */
  double(value: number): Value {
    return this.#once(`f64 ${value}`, () => float64Constant([], [value]));
  }

  /** An int64 scalar. */
  int(value: number): Value {
    return this.#once(`i64 ${value}`, () => int64Constant([], [value]));
  }

  /** An int64 vector: axes, a shape, sizes of a split. */
  ints(values: readonly number[]): Value {
    return this.#once(`i64 [${values}]`, () => int64Constant([values.length], values));
  }

  bool(value: boolean): Value {
    return this.#once(`bool ${value}`, () => boolConstant(value));
  }

  #once(key: string, make: () => Constant): Value {
    let value = this.#shared.get(key);
    if (!value) {
      value = this.constant(make(), key.replaceAll(/[^\w.-]+/g, '_'));
      this.#shared.set(key, value);
    }
    return value;
  }

  build(name: string, inputs: readonly Value[], outputs: readonly Value[]): Graph {
    return { name, inputs, outputs, initializers: this.#initializers, nodes: this.#nodes };
  }
}

/** The arithmetic of a node: float64 where one of its inputs is known to be. */
function floatTypeOf(inputs: readonly (Operand | null)[]): FloatType {
  const isDouble = inputs.some(
    (v) => v !== null && typeof v !== 'number' && v.type?.dataType === DATA_TYPE.float64,
  );
  return isDouble ? DATA_TYPE.float64 : DATA_TYPE.float32;
}

/** Ops whose result is of another type than their inputs. */
const RESULT_TYPES: Readonly<Record<string, DataType>> = {
  Shape: DATA_TYPE.int64,
  Size: DATA_TYPE.int64,
  Equal: DATA_TYPE.bool,
  Greater: DATA_TYPE.bool,
  Less: DATA_TYPE.bool,
  LessOrEqual: DATA_TYPE.bool,
  Not: DATA_TYPE.bool,
};

/** Float64 spreads through arithmetic, so that later scalars are written in it. Float32 needs no record. */
function resultType(
  opType: string,
  inputs: readonly (Operand | null)[],
  options: OpOptions,
): DataType | undefined {
  const to = options.attributes?.to;
  if (opType === 'Cast') return typeof to === 'number' ? to : undefined;
  const other = RESULT_TYPES[opType];
  if (other !== undefined) return other;
  return floatTypeOf(inputs) === DATA_TYPE.float64 ? DATA_TYPE.float64 : undefined;
}

function plainAttributes(plain: Readonly<Record<string, PlainAttribute>>): Record<string, Attribute> {
  return Object.fromEntries(Object.entries(plain).map(([name, value]) => [name, attributeOf(value)]));
}

function attributeOf(value: PlainAttribute): Attribute {
  if (typeof value === 'number') return { kind: 'int', value };
  if (typeof value === 'string') return { kind: 'string', value };
  if ('float' in value) return { kind: 'float', value: value.float };
  if ('graph' in value) return { kind: 'graph', value: value.graph };
  if ('kind' in value) return value;
  return { kind: 'ints', value };
}

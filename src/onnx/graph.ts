import { printable } from '../errors.ts';
import type { Constant } from './constant.ts';
import type { DataType } from './data-type.ts';

/**
 * One axis of a shape: its size, or a symbol where the size is only known at run time. Two axes with the same
 * symbol have the same size.
 */
export type Dim = number | string;

export interface ValueType {
  readonly dataType: DataType;
  /** Absent where even the rank is unknown. */
  readonly shape?: readonly Dim[];
}

/** An edge of the graph. Identity is the object's; `name` is a wish that the encoder makes unique. */
export interface Value {
  name: string;
  type?: ValueType;
}

export type Attribute =
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'tensor'; readonly value: Constant }
  | { readonly kind: 'graph'; readonly value: Graph }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'ints'; readonly value: readonly number[] }
  | { readonly kind: 'strings'; readonly value: readonly string[] };

export interface Node {
  readonly opType: string;
  /** '' is the ai.onnx domain. */
  readonly domain: string;
  /** For messages; need not be unique. */
  readonly name: string;
  /** `null` stands for an optional input that is left out. */
  readonly inputs: readonly (Value | null)[];
  readonly outputs: readonly (Value | null)[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/**
 * A graph or the body of a Loop or If. Bodies may use values of the graphs around them. Nodes are in
 * topological order.
 */
export interface Graph {
  readonly name: string;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly initializers: ReadonlyMap<Value, Constant>;
  readonly nodes: readonly Node[];
}

export interface Model {
  readonly irVersion: number;
  /** Version of the ai.onnx operator set. */
  readonly opset: number;
  /** Other operator sets that the model imports, by domain. */
  readonly otherDomains: Readonly<Record<string, number>>;
  readonly producer: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly graph: Graph;
}

/** `Conv "layer1.0.conv1"`: how messages name a node. */
export function describeNode(node: Node): string {
  const name = node.name || node.outputs.find((v) => v !== null)?.name || '?';
  return printable(`${node.domain ? `${node.domain}.` : ''}${node.opType} "${name}"`);
}

export function intAttribute(node: Node, name: string, fallback: number): number {
  const attribute = node.attributes[name];
  return attribute?.kind === 'int' ? attribute.value : fallback;
}

export function floatAttribute(node: Node, name: string, fallback: number): number {
  const attribute = node.attributes[name];
  return attribute?.kind === 'float' ? attribute.value : fallback;
}

export function intsAttribute(node: Node, name: string): readonly number[] | undefined {
  const attribute = node.attributes[name];
  return attribute?.kind === 'ints' ? attribute.value : undefined;
}

export function stringAttribute(node: Node, name: string, fallback: string): string {
  const attribute = node.attributes[name];
  return attribute?.kind === 'string' ? attribute.value : fallback;
}

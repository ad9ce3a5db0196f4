import { create } from '@bufbuild/protobuf';
import { InputError } from '../errors.ts';
import {
  type AttributeProto,
  type FunctionProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  NodeProtoSchema,
} from './proto/onnx_pb.ts';

/** A model of a few functions that call each other twice would grow without end. */
const MOST_NODES = 200_000;

/**
 * Replaces each call of a function that the model defines by the nodes of the function, in place. Throws
 * `InputError` where a function is of another operator set than the model, or calls itself.
 */
export function inlineFunctions(model: ModelProto): void {
  if (model.functions.length === 0 || !model.graph) return;
  const functions = new Map(model.functions.map((each) => [keyOf(each.name, each), each]));
  const calls = new Calls(functions, plainOpset(model));
  calls.inline(model.graph);
}

type Called = Pick<FunctionProto, 'domain' | 'overload'>;

const keyOf = (name: string, { domain, overload }: Called): string => `${domain} ${name} ${overload}`;

const plainOpset = ({ opsetImport }: Pick<ModelProto, 'opsetImport'>): bigint | undefined =>
  opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx')?.version;

class Calls {
  readonly #functions: ReadonlyMap<string, FunctionProto>;
  readonly #opset: bigint | undefined;
  #count = 0;

  constructor(functions: ReadonlyMap<string, FunctionProto>, opset: bigint | undefined) {
    this.#functions = functions;
    this.#opset = opset;
  }

  /** Replaces the calls in a graph and in the bodies inside it. */
  inline(graph: GraphProto): void {
    graph.node = graph.node.flatMap((node) => this.#nodesOf(node, []));
  }

  #nodesOf(node: NodeProto, callers: readonly FunctionProto[]): NodeProto[] {
    for (const { g } of node.attribute)
      if (g) g.node = g.node.flatMap((inner) => this.#nodesOf(inner, callers));
    const called = this.#functions.get(keyOf(node.opType, node));
    if (!called) return [node];
    this.#check(called, callers);
    const body = bodyOf(node, called, `${node.name || called.name}_${this.#count}/`);
    this.#count += body.length;
    if (this.#count > MOST_NODES)
      throw new InputError(
        `The local functions of the model call each other to more than ${MOST_NODES} nodes ("${called.name}"); export it with functions inlined.`,
      );
    return body.flatMap((inner) => this.#nodesOf(inner, [...callers, called]));
  }

  #check(called: FunctionProto, callers: readonly FunctionProto[]): void {
    if (callers.includes(called))
      throw new InputError(
        `The local function "${called.name}" calls itself, which ONNX forbids; export the model again.`,
      );
    const opset = plainOpset(called);
    if (opset !== undefined && opset !== this.#opset)
      throw new InputError(
        `The local function "${called.name}" is of opset ${opset}, and the model of ${this.#opset ?? 'none'}; export it with functions inlined, or in one opset.`,
      );
  }
}

/** The nodes of the function with the arguments of the call. All other names get the prefix. */
function bodyOf(call: NodeProto, called: FunctionProto, prefix: string): NodeProto[] {
  const names = new Map([['', '']]);
  for (const [i, name] of called.input.entries()) names.set(name, call.input[i] ?? '');
  // An input that is handed through keeps its own name, and the call's output becomes a copy of it.
  const copies: NodeProto[] = [];
  for (const [i, name] of called.output.entries()) {
    const output = call.output[i];
    if (!output) continue;
    if (!names.has(name)) names.set(name, output);
    else
      copies.push(
        create(NodeProtoSchema, { opType: 'Identity', input: [names.get(name)!], output: [output] }),
      );
  }
  const given = new Map([...called.attributeProto, ...call.attribute].map((each) => [each.name, each]));
  const rename = (name: string) => names.get(name) ?? prefix + name;
  return [...called.node.map((node) => renamed(node, rename, given, prefix)), ...copies];
}

type Given = ReadonlyMap<string, AttributeProto>;
type Rename = (name: string) => string;

function renamed(node: NodeProto, rename: Rename, given: Given, prefix: string): NodeProto {
  const attribute = node.attribute.flatMap((each) => {
    const { name, refAttrName, g } = each;
    const argument = given.get(refAttrName);
    if (refAttrName !== '') return argument ? [changed(argument, { name })] : [];
    return [g ? changed(each, { g: renamedGraph(g, rename, given, prefix) }) : each];
  });
  const [input, output] = [node.input.map(rename), node.output.map(rename)];
  return changed(node, { name: prefix + node.name, input, output, attribute });
}

function renamedGraph(graph: GraphProto, rename: Rename, given: Given, prefix: string): GraphProto {
  const named = <T extends { name: string }>(each: T) =>
    changed<{ name: string }>(each, { name: rename(each.name) }) as T;
  return changed(graph, {
    node: graph.node.map((node) => renamed(node, rename, given, prefix)),
    initializer: graph.initializer.map(named),
    input: graph.input.map(named),
    output: graph.output.map(named),
  });
}

/** A copy that shares what is not changed. The values of fields that are not set are in the prototype. */
const changed = <T extends object>(message: T, changes: Partial<T>): T =>
  Object.assign(Object.create(Object.getPrototypeOf(message) as object), message, changes) as T;

import {
  type Constant,
  encodeModel,
  fromTensor,
  type Graph,
  type Model,
  type Node,
  type Value,
  valuesRead,
  withoutUnused,
} from '../../../onnx/index.ts';
import { type GraphRunner, probing } from '../../graph-runner.ts';

/** Ops whose result differs from run to run. */
const RANDOM = new Set([
  'RandomNormal',
  'RandomNormalLike',
  'RandomUniform',
  'RandomUniformLike',
  'Multinomial',
  'Bernoulli',
]);

/**
 * Turns everything that does not depend on the graph's input into initializers. Constant nodes are read
 * directly. ONNX Runtime computes larger constant parts, once.
 */
export async function foldConstants(model: Model, runner: GraphRunner): Promise<Model> {
  const literal = liftConstantNodes(model.graph);
  const { nodes, frontier } = constantPart(literal);
  if (frontier.length === 0) return { ...model, graph: literal };
  const graph: Graph = { ...literal, inputs: [], outputs: frontier, nodes };
  const bytes = encodeModel({ ...model, graph: withoutUnused(named(graph)) });
  const results = await probing(runner, bytes, (run) => run({}));
  const initializers = new Map(literal.initializers);
  frontier.forEach((value, i) => {
    initializers.set(value, fromTensor(results[`folded_${i}`]!));
  });
  const folded = new Set(nodes);
  const rest = literal.nodes.filter((node) => !folded.has(node));
  return { ...model, graph: withoutUnused({ ...literal, nodes: rest, initializers }) };
}

/** Gives the values of the frontier their own names, so that the results can be found by them. */
function named(graph: Graph): Graph {
  const identities = graph.outputs.map((value, i): Node => {
    const output: Value = { name: `folded_${i}` };
    return {
      opType: 'Identity',
      domain: '',
      name: output.name,
      inputs: [value],
      outputs: [output],
      attributes: {},
    };
  });
  return {
    ...graph,
    nodes: [...graph.nodes, ...identities],
    outputs: identities.map((node) => node.outputs[0]!),
  };
}

function liftConstantNodes(graph: Graph): Graph {
  const initializers = new Map(graph.initializers);
  const nodes = graph.nodes.filter((node) => {
    const constant = node.opType === 'Constant' && node.domain === '' ? literalOf(node) : undefined;
    if (constant) initializers.set(node.outputs[0]!, constant);
    return !constant;
  });
  return { ...graph, nodes, initializers };
}

/** A Constant node's tensor. ONNX Runtime handles its rarer short forms (value_int and the like). */
function literalOf(node: Node): Constant | undefined {
  const value = node.attributes.value;
  return value?.kind === 'tensor' ? value.value : undefined;
}

/** The nodes fed by initializers alone, and those of their values that other nodes or the outputs read. */
function constantPart(graph: Graph): { nodes: Node[]; frontier: Value[] } {
  const constant = new Set<Value>(graph.initializers.keys());
  const inside: Node[] = [];
  const outside: Node[] = [];
  for (const node of graph.nodes) {
    const pure = !RANDOM.has(node.opType) && !Object.values(node.attributes).some((a) => a.kind === 'graph');
    if (pure && node.inputs.every((value) => value === null || constant.has(value))) {
      inside.push(node);
      for (const value of node.outputs) if (value) constant.add(value);
    } else outside.push(node);
  }
  const computed = new Set(inside.flatMap((node) => node.outputs));
  const read = new Set([...outside.flatMap(valuesRead), ...graph.outputs]);
  return {
    nodes: inside,
    frontier: [...read].filter((value) => computed.has(value)),
  };
}

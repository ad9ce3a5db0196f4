import {
  type Constant,
  DATA_TYPE,
  float16Constant,
  type Graph,
  type Node,
  toFloat32,
  type Value,
} from '../../../onnx/index.ts';
import { withBodies } from '../map-graph.ts';

const CONVOLUTIONS: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose']);

const cast = (from: Value, to: Value, dataType: number): Node => ({
  opType: 'Cast',
  domain: '',
  name: `${to.name}_cast`,
  inputs: [from],
  outputs: [to],
  attributes: { to: { kind: 'int', value: dataType } },
});

/**
 * Has every convolution computed in float16, those of gradients too: what it reads is cast, constants at
 * once, and what it gives is cast back. Everything else stays in float32. Bodies of loops and branches are
 * rewritten too.
 */
export function halveConvolutions(graph: Graph): Graph {
  const initializers = new Map(graph.initializers);
  const halves = new Map<Value, Value>();

  /** The value in float16, and the nodes that make it so. */
  function half(value: Value): { value: Value; nodes: Node[] } {
    const known = halves.get(value);
    if (known) return { value: known, nodes: [] };
    const copy: Value = {
      name: `${value.name}_half`,
      type: { ...value.type, dataType: DATA_TYPE.float16 },
    };
    const constant = graph.initializers.get(value);
    halves.set(value, copy);
    if (!constant) return { value: copy, nodes: [cast(value, copy, DATA_TYPE.float16)] };
    initializers.set(copy, halfConstant(constant));
    return { value: copy, nodes: [] };
  }

  const nodes = graph.nodes.flatMap((node): Node[] => {
    if (node.domain !== '' || !CONVOLUTIONS.has(node.opType)) return [withBodies(node, halveConvolutions)];
    const inputs = node.inputs.map((value) => value && half(value));
    const [result] = node.outputs as [Value];
    const output: Value = {
      name: `${result.name}_half`,
      type: { ...result.type, dataType: DATA_TYPE.float16 },
    };
    return [
      ...inputs.flatMap((input) => input?.nodes ?? []),
      { ...node, inputs: inputs.map((input) => input?.value ?? null), outputs: [output] },
      cast(output, result, DATA_TYPE.float32),
    ];
  });
  const read = new Set([...nodes.flatMap((node) => node.inputs), ...graph.outputs]);
  // Weights that only convolutions read are not kept twice.
  const kept = [...initializers].filter(([value]) => read.has(value) || !halves.has(value));
  return { ...graph, nodes, initializers: new Map(kept) };
}

const halfConstant = (constant: Constant): Constant => float16Constant(constant.dims, toFloat32(constant));

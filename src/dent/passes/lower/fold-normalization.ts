import {
  type Constant,
  consumersOf,
  float32Constant,
  floatAttribute,
  type Graph,
  intAttribute,
  type Node,
  producersOf,
  toFloat32,
  type Value,
  withoutUnused,
} from '../../../onnx/index.ts';
import { withBodies } from '../map-graph.ts';

/**
 * Each BatchNormalization by constants becomes part of the convolution before it, or where there is none, a
 * product and a sum. ONNX Runtime would do so too, but in float16 it would round the weights twice. Bodies of
 * loops and branches are rewritten too.
 */
export function foldNormalization(graph: Graph): Graph {
  const initializers = new Map(graph.initializers);
  const producers = producersOf(graph.nodes);
  const consumers = consumersOf(graph.nodes);
  const constant = (name: string, dims: readonly number[], data: Iterable<number>): Value => {
    const made = float32Constant(dims, data);
    const value: Value = { name, type: { dataType: made.dataType, shape: dims } };
    initializers.set(value, made);
    return value;
  };

  /** The convolution that gives `x`, and its weights, where nothing but the normalisation reads `x`. */
  function convolutionOf(x: Value): { conv: Node; weight: Constant; bias?: Constant } | undefined {
    const conv = producers.get(x);
    if (conv?.opType !== 'Conv' || conv.domain !== '') return undefined;
    if (consumers.get(x)!.length > 1 || graph.outputs.includes(x)) return undefined;
    const weight = graph.initializers.get(conv.inputs[1]!);
    const bias = conv.inputs[2] ? graph.initializers.get(conv.inputs[2]) : undefined;
    if (!weight || (conv.inputs[2] && !bias)) return undefined;
    return { conv, weight, ...(bias && { bias }) };
  }

  const nodes = graph.nodes.flatMap((node): Node[] => {
    const affine = affineOf(node, graph.initializers);
    const [x, [y]] = [node.inputs[0]!, node.outputs as [Value]];
    if (!affine) return [withBodies(node, foldNormalization)];
    const { scale, shift } = affine;
    const before = convolutionOf(x);
    if (before) {
      const { conv, weight, bias } = before;
      const taps = toFloat32(weight);
      const perChannel = taps.length / scale.length;
      const scaled = taps.map((tap, i) => tap * scale[Math.floor(i / perChannel)]!);
      const old = bias && toFloat32(bias);
      const shifted = shift.map((value, c) => value + (old ? old[c]! * scale[c]! : 0));
      const inputs = [
        conv.inputs[0]!,
        constant(`${y.name}_weight`, weight.dims, scaled),
        constant(`${y.name}_bias`, [shift.length], shifted),
      ];
      return [{ ...conv, inputs, outputs: [y] }];
    }
    const rank = x.type?.shape?.length;
    if (rank === undefined) return [node];
    const dims = [1, scale.length, ...new Array<number>(rank - 2).fill(1)];
    const product: Value = { name: `${y.name}_product`, ...(y.type && { type: y.type }) };
    return [
      binary('Mul', x, constant(`${y.name}_scale`, dims, scale), product),
      binary('Add', product, constant(`${y.name}_shift`, dims, shift), y),
    ];
  });
  return withoutUnused({ ...graph, nodes, initializers });
}

const binary = (opType: string, a: Value, b: Value, result: Value): Node => {
  return { opType, domain: '', name: result.name, inputs: [a, b], outputs: [result], attributes: {} };
};

/** What a BatchNormalization by constants multiplies by and adds; undefined for all other nodes. */
function affineOf(node: Node, constants: Graph['initializers']) {
  const { domain, opType, inputs } = node;
  if (domain !== '' || opType !== 'BatchNormalization' || intAttribute(node, 'training_mode', 0)) return;
  const found = inputs.slice(1).map((value) => value && constants.get(value));
  if (!found.every((constant) => constant)) return;
  const [trained, bias, mean, variance] = found.map((constant) => toFloat32(constant!)) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const epsilon = floatAttribute(node, 'epsilon', 1e-5);
  const scale = Array.from(trained, (factor, c) => factor / Math.sqrt(variance[c]! + epsilon));
  return { scale, shift: scale.map((factor, c) => bias[c]! - mean[c]! * factor) };
}

import {
  encodeModel,
  type Graph,
  type Model,
  type Node,
  type Value,
  valuesRead,
  withoutUnused,
} from '../../../onnx/index.ts';
import type { Tensor } from '../../../tensor.ts';
import type { GraphRunner } from '../../graph-runner.ts';
import { type ProbeShape, runOnZeros, shapeArithmetic } from '../measure/measure-shapes.ts';
import { zeroWeights } from '../measure/zero-weights.ts';

/**
 * Replaces each If by one of its branches where the condition is constant, or follows from shapes alone and
 * is the same for any number of rows. torch writes such a node where it cannot tell whether an axis has size
 * one. Other Ifs stay.
 */
export async function resolveBranches(model: Model, shape: ProbeShape, runner: GraphRunner): Promise<Model> {
  const derived = shapeArithmetic(model.graph);
  const { initializers, nodes } = model.graph;
  const branchings = nodes.filter((node) => {
    const condition = node.inputs[0];
    return isIf(node) && condition && (derived.has(condition) || initializers.has(condition));
  });
  if (branchings.length === 0) return model;
  const conditions = branchings.map((node) => node.inputs[0]!);
  const [first, second] = await runOnZeros(
    conditionsOnly(model, conditions, derived),
    model.graph.inputs[0]!,
    shape,
    runner,
  );
  const chosen = new Map<Node, Graph>();
  branchings.forEach((node, i) => {
    const [a, b] = [isTrue(first[`condition_${i}`]!), isTrue(second[`condition_${i}`]!)];
    const branch = node.attributes[a ? 'then_branch' : 'else_branch'];
    if (a === b && branch?.kind === 'graph') chosen.set(node, branch.value);
  });
  if (chosen.size === 0) return model;
  const resolved = { ...model, graph: withBranches(model.graph, chosen) };
  // A branch may hold branches of its own.
  return resolveBranches(resolved, shape, runner);
}

const isIf = ({ domain, opType }: Node): boolean => domain === '' && opType === 'If';

const isTrue = ({ data }: Tensor): boolean => Boolean(data[0]);

function identity(from: Value, to: Value, name: string): Node {
  return { opType: 'Identity', domain: '', name, inputs: [from], outputs: [to], attributes: {} };
}

/** The part of the model that the conditions depend on, without its large weights. */
function conditionsOnly(model: Model, conditions: readonly Value[], derived: ReadonlySet<Value>): Uint8Array {
  const outputs = conditions.map((_, i): Value => ({ name: `condition_${i}` }));
  const ends = conditions.map((condition, i) => identity(condition, outputs[i]!, outputs[i]!.name));
  const graph = withoutUnused({ ...model.graph, nodes: [...model.graph.nodes, ...ends], outputs });
  const arithmetic = graph.nodes.filter((node) => node.outputs.some((value) => value && derived.has(value)));
  return encodeModel({ ...model, graph: zeroWeights(graph, new Set(arithmetic.flatMap(valuesRead))) });
}

/** Puts the nodes of the chosen branches in the places of the Ifs. */
function withBranches(graph: Graph, chosen: ReadonlyMap<Node, Graph>): Graph {
  const initializers = new Map(graph.initializers);
  const nodes = graph.nodes.flatMap((node) => {
    const branch = chosen.get(node);
    if (!branch) return [node];
    for (const [value, constant] of branch.initializers) initializers.set(value, constant);
    const ends = node.outputs.flatMap((output, i) =>
      output ? [identity(branch.outputs[i]!, output, node.name)] : [],
    );
    return [...branch.nodes, ...ends];
  });
  return { ...graph, nodes, initializers };
}

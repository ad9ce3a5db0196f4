import { type Graph, type Node, type Value, withoutUnused } from '../../onnx/index.ts';

/** What `onlyIf` makes conditional. */
export interface Conditional {
  /** A bool scalar. */
  readonly condition: Value;
  /** An output of the graph. */
  readonly output: Value;
  /** What the output is where the condition does not hold. */
  readonly otherwise: Value;
}

/** The graph with the nodes that only `output` needs in the branch of an If, so that they run where the condition holds. */
export function onlyIf(graph: Graph, { condition, output, otherwise }: Conditional): Graph {
  const rest = withoutUnused({ ...graph, outputs: graph.outputs.filter((value) => value !== output) });
  const staying = new Set(rest.nodes);
  const branch: Graph = {
    name: 'then',
    inputs: [],
    outputs: [output],
    nodes: graph.nodes.filter((node) => !staying.has(node)),
    initializers: new Map([...graph.initializers].filter(([value]) => !rest.initializers.has(value))),
  };
  const result: Value = { ...output };
  const choice: Node = {
    opType: 'If',
    domain: '',
    name: `if_${condition.name}`,
    inputs: [condition],
    outputs: [result],
    attributes: {
      then_branch: { kind: 'graph', value: branch },
      else_branch: { kind: 'graph', value: passing(otherwise) },
    },
  };
  return {
    ...rest,
    nodes: [...rest.nodes, choice],
    outputs: graph.outputs.map((value) => (value === output ? result : value)),
  };
}

/** A branch that gives a value of the graph around it. */
function passing(value: Value): Graph {
  const output: Value = { ...value, name: `${value.name}_otherwise` };
  const node: Node = {
    opType: 'Identity',
    domain: '',
    name: 'otherwise',
    inputs: [value],
    outputs: [output],
    attributes: {},
  };
  return { name: 'else', inputs: [], outputs: [output], nodes: [node], initializers: new Map() };
}

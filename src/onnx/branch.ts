import { GraphBuilder } from './builder.ts';
import type { Graph, Node, Value } from './graph.ts';
import { withoutUnused } from './traversal.ts';

/** What an If gives. */
export interface IfOptions {
  readonly name: string;
  /** A bool scalar. */
  readonly condition: Value;
  /**
   * The result where the condition does not hold, or a function that appends it to the other branch. It has
   * the result's type.
   */
  readonly otherwise: Value | ((branch: GraphBuilder) => Value);
}

/**
 * Appends an If. Its result is what `write` appends to a branch, which runs where the condition holds. The
 * branch sees all values of `builder`.
 */
export function appendIf(
  builder: GraphBuilder,
  { name, condition, otherwise }: IfOptions,
  write: (branch: GraphBuilder) => Value,
): Value {
  const branchOf = (title: string, append: (branch: GraphBuilder) => Value): Graph => {
    const branch = new GraphBuilder(`${name}/`);
    return withoutUnused(branch.build(title, [], [append(branch)]));
  };
  const then = branchOf('then', write);
  const other = typeof otherwise === 'function' ? branchOf('else', otherwise) : passing(otherwise);
  const [result] = builder.multi('If', [condition], 1, {
    name,
    attributes: { then_branch: { graph: then }, else_branch: { graph: other } },
  }) as [Value];
  const { type } = other.outputs[0]!;
  if (type) result.type = type;
  return result;
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

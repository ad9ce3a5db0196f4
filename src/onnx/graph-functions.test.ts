import { describe, expect, it } from 'vitest';
import {
  consumersOf,
  DATA_TYPE,
  dependentsOf,
  describeNode,
  type Graph,
  GraphBuilder,
  inline,
  type Node,
  producersOf,
  type Value,
  valuesRead,
  withoutUnused,
} from './index.ts';

const variable = (name: string): Value => ({ name, type: { dataType: DATA_TYPE.float32, shape: ['N', 4] } });

const bodyOf = (node: Node): Graph => (node.attributes.body as { value: Graph }).value;

/** y = x * weight, and a loop that adds `captured` to y twice over. */
function graphWithLoop() {
  const b = new GraphBuilder();
  const [x, captured] = [variable('x'), variable('captured')];
  const y = b.op('Mul', [x, b.float(3)], { name: 'product', shape: ['N', 4] });
  const inner = new GraphBuilder();
  const [trip, go, carried] = [{ name: 'trip' }, { name: 'go' }, variable('carried')];
  const sum = inner.op('Add', [carried, inner.op('Mul', [captured, 2], { name: 'twice' })], { name: 'sum' });
  const body = inner.build('body', [trip, go, carried], [go, sum, y]);
  const [z] = b.multi('Loop', [b.int(2), null, y], 2, {
    name: 'loop',
    attributes: { body: { graph: body } },
  });
  return { graph: b.build('looped', [x, captured], [z!]), x, captured, y, z: z!, loop: b.nodes.at(-1)! };
}

describe('valuesRead', () => {
  it('counts what a body takes from around it, and not what is its own', () => {
    const { captured, y, loop } = graphWithLoop();
    const read = valuesRead(loop).map((value) => value.name);
    expect(read).toContain('captured');
    expect(valuesRead(loop).filter((value) => value === y)).toHaveLength(2);
    expect(read).not.toContain('carried');
    expect(read).not.toContain('twice');
    expect(valuesRead(loop)).toContain(captured);
  });
});

describe('producersOf, consumersOf and dependentsOf', () => {
  it('link nodes to the values they give and read', () => {
    const { graph, x, captured, y, z, loop } = graphWithLoop();
    expect(producersOf(graph.nodes).get(z)).toBe(loop);
    expect(producersOf(graph.nodes).get(x)).toBeUndefined();
    expect(consumersOf(graph.nodes).get(y)).toEqual([loop]);
    expect(consumersOf(graph.nodes).get(captured)).toEqual([loop]);
    expect(dependentsOf(graph.nodes, [captured])).toEqual(new Set([captured, ...loop.outputs]));
    expect(dependentsOf(graph.nodes, [x])).toEqual(new Set([x, y, ...loop.outputs]));
  });
});

describe('withoutUnused', () => {
  it('keeps what an output needs, through bodies too, and nothing else', () => {
    const { graph, captured, loop } = graphWithLoop();
    const b = new GraphBuilder();
    for (const [value, constant] of graph.initializers) b.adopt(value, constant);
    const idle = b.op('Relu', [graph.inputs[0]!], { name: 'idle' });
    b.op('Mul', [idle, b.float(9)], { name: 'idle, too' });
    const made = b.op('Exp', [graph.inputs[0]!], { name: 'captured' });
    const nodes = [...b.nodes, ...graph.nodes.map((node) => rewired(node, captured, made))];
    const pruned = withoutUnused({ ...graph, nodes, initializers: b.initializers });
    expect(pruned.nodes.map((node) => node.name)).toEqual(['captured', 'product', 'loop']);
    expect(pruned.initializers.size).toBe(2);
    expect(pruned.inputs).toEqual(graph.inputs);
    expect(bodyOf(pruned.nodes[2]!).nodes).toHaveLength(bodyOf(loop).nodes.length);
  });

  it('keeps a node for one of its outputs', () => {
    const b = new GraphBuilder();
    const x = variable('x');
    const [, second] = b.multi('Split', [x, b.ints([1, 3])], 2, { attributes: { axis: 1 } });
    expect(withoutUnused(b.build('g', [x], [second!])).nodes).toHaveLength(1);
  });
});

/** The node with `to` in place of `from` inside its body. */
function rewired(node: Node, from: Value, to: Value): Node {
  if (node.opType !== 'Loop') return node;
  const body = bodyOf(node);
  const nodes = body.nodes.map((n) => ({ ...n, inputs: n.inputs.map((v) => (v === from ? to : v)) }));
  return { ...node, attributes: { body: { kind: 'graph', value: { ...body, nodes } } } };
}

describe('inline', () => {
  it('copies a graph with arguments in place of its inputs, in bodies too', () => {
    const { graph, loop } = graphWithLoop();
    const b = new GraphBuilder();
    const [argument, other] = [variable('argument'), variable('other')];
    const [result] = inline(b, graph, [argument, other], 'copy/');
    const [product, again] = b.nodes as [Node, Node];
    expect(product.inputs[0]).toBe(argument);
    expect(product.name).toBe('copy/product');
    expect(product.outputs[0]).toEqual({ ...graph.nodes[0]!.outputs[0], name: 'copy/product' });
    expect(again.inputs[2]).toBe(product.outputs[0]);
    expect(result).toBe(again.outputs[0]);
    const read = valuesRead(again);
    expect(read).toContain(other);
    expect(read).not.toContain(graph.inputs[1]);
    // The body's third output is a value of the graph around it.
    expect(bodyOf(again).outputs[2]).toBe(product.outputs[0]);
    expect(bodyOf(loop).outputs[2]).toBe(graph.nodes[0]!.outputs[0]);
  });

  it('gives each copy values and constants of its own', () => {
    const { graph } = graphWithLoop();
    const b = new GraphBuilder();
    const [x, y] = [variable('x'), variable('y')];
    const [one] = inline(b, graph, [x, y]);
    const [two] = inline(b, graph, [x, y]);
    expect(one).not.toBe(two);
    expect(b.initializers.size).toBe(2 * graph.initializers.size);
    expect(graph.nodes).toHaveLength(2);
  });

  it('returns an argument where the graph hands an input through', () => {
    const x = variable('x');
    const through: Graph = { name: 'g', inputs: [x], outputs: [x], initializers: new Map(), nodes: [] };
    const argument = variable('argument');
    expect(inline(new GraphBuilder(), through, [argument])).toEqual([argument]);
  });

  it('must be given as many arguments as the graph has inputs', () => {
    const { graph } = graphWithLoop();
    expect(() => inline(new GraphBuilder(), graph, [variable('x')])).toThrow(
      '"looped" takes 2 inputs, got 1. This is a bug.',
    );
  });
});

describe('describeNode', () => {
  it('names a node by its op and its name, or else by what it computes', () => {
    const node: Node = {
      opType: 'Conv',
      domain: '',
      name: 'layer1/conv',
      inputs: [],
      outputs: [null, variable('features')],
      attributes: {},
    };
    expect(describeNode(node)).toBe('Conv "layer1/conv"');
    expect(describeNode({ ...node, name: '', domain: 'com.example' })).toBe('com.example.Conv "features"');
    expect(describeNode({ ...node, name: '', outputs: [null] })).toBe('Conv "?"');
  });
});

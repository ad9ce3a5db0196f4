import { describe, expect, it } from 'vitest';
import {
  DATA_TYPE,
  decodeModel,
  encodeModel,
  type Graph,
  GraphBuilder,
  type Model,
  type Value,
} from './index.ts';

const image: Value = { name: 'image', type: { dataType: DATA_TYPE.float32, shape: ['N', 4] } };

const encodeAndRead = (graph: Graph): Model =>
  decodeModel(encodeModel({ irVersion: 8, opset: 18, otherDomains: {}, producer: '', metadata: {}, graph }));

/** Every name that a graph and the bodies inside it define. */
function definedNames(graph: Graph): string[] {
  const own = [...graph.inputs, ...graph.initializers.keys(), ...graph.nodes.flatMap((n) => n.outputs)];
  const bodies = graph.nodes.flatMap((node) =>
    Object.values(node.attributes).flatMap((a) => (a.kind === 'graph' ? definedNames(a.value) : [])),
  );
  return [...own.flatMap((value) => (value ? [value.name] : [])), ...bodies];
}

/** Every node name of a graph and the bodies inside it. */
function nodeNames(graph: Graph): string[] {
  return graph.nodes.flatMap((node) => [
    node.name,
    ...Object.values(node.attributes).flatMap((a) => (a.kind === 'graph' ? nodeNames(a.value) : [])),
  ]);
}

/** A loop whose body wishes for the very names that the graph around it uses. */
function loopOfNamesakes(): Graph {
  const outer = new GraphBuilder();
  const y = outer.op('Relu', [image], { name: 'y' });
  const trip: Value = { name: 'image', type: { dataType: DATA_TYPE.int64, shape: [] } };
  const go: Value = { name: 'y', type: { dataType: DATA_TYPE.bool, shape: [] } };
  const carried: Value = { name: 'y', type: { dataType: DATA_TYPE.float32, shape: ['N', 4] } };
  const inner = new GraphBuilder();
  const next = inner.op('Add', [inner.op('Mul', [carried, 3], { name: 'y' }), y], { name: 'y' });
  const body = inner.build('body', [trip, go, carried], [inner.op('Identity', [go], { name: 'y' }), next]);
  const [z] = outer.multi('Loop', [outer.int(2), outer.bool(true), y], 1, {
    name: 'y',
    attributes: { body: { graph: body } },
  });
  return outer.build('outer', [image], [z!]);
}

describe('names in an encoded model', () => {
  it('are unique over the graph and the bodies inside it', () => {
    const { graph } = encodeAndRead(loopOfNamesakes());
    const names = definedNames(graph);
    expect(names.length).toBeGreaterThan(10);
    expect(new Set(names).size).toBe(names.length);
    expect(new Set(nodeNames(graph)).size).toBe(nodeNames(graph).length);
  });

  it('still link what was linked', () => {
    const { graph } = encodeAndRead(loopOfNamesakes());
    const [relu, loop] = graph.nodes as [Graph['nodes'][0], Graph['nodes'][0]];
    const body = (loop.attributes.body as { value: Graph }).value;
    const [mul, add] = body.nodes as [Graph['nodes'][0], Graph['nodes'][0]];
    expect(mul.inputs[0]).toBe(body.inputs[2]);
    expect(add.inputs).toEqual([mul.outputs[0], relu.outputs[0]]);
    expect(add.inputs[1]).toBe(relu.outputs[0]);
    expect(loop.inputs[2]).toBe(relu.outputs[0]);
  });

  it('of inputs and outputs stay, even if other values wish for them', () => {
    const b = new GraphBuilder();
    const early = b.op('Relu', [image], { name: 'logits' });
    b.op('Relu', [image], { name: 'image' });
    const logits = b.op('Neg', [early], { name: 'logits' });
    const { graph } = encodeAndRead(b.build('g', [image], [logits]));
    expect(graph.inputs[0]!.name).toBe('image');
    expect(graph.outputs[0]!.name).toBe('logits');
    expect(graph.nodes[2]!.outputs[0]).toBe(graph.outputs[0]);
    expect(new Set(definedNames(graph)).size).toBe(4);
  });

  it('do not run into names that look like made ones', () => {
    const b = new GraphBuilder();
    const names = ['a', 'a_1', 'a', 'a', 'a_1', 'a_2'];
    const values = names.map((name) => b.op('Relu', [image], { name }));
    const { graph } = encodeAndRead(b.build('g', [image], [b.op('Sum', values, { name: 'sum' })]));
    expect(new Set(definedNames(graph)).size).toBe(8);
    expect(graph.nodes.at(-1)!.inputs).toEqual(graph.nodes.slice(0, -1).map((node) => node.outputs[0]));
  });

  it('are given to what has none', () => {
    const value: Value = { name: '' };
    const b = new GraphBuilder();
    b.append({ opType: 'Relu', domain: '', name: '', inputs: [image], outputs: [value], attributes: {} });
    const { graph } = encodeAndRead(b.build('', [image], [b.op('Neg', [value])]));
    expect(graph.nodes[0]!.outputs[0]!.name).not.toBe('');
    expect(graph.nodes[0]!.name).toBe('Relu');
    expect(graph.name).not.toBe('');
  });
});

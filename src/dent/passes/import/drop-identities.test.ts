import { describe, expect, it } from 'vitest';
import { type Graph, GraphBuilder, type Value, valuesRead } from '../../../onnx/index.ts';
import { dropIdentities } from './drop-identities.ts';

const x: Value = { name: 'x', type: { dataType: 1, shape: ['N', 4] } };
const opTypes = (graph: Graph) => graph.nodes.map((node) => node.opType);

describe('dropIdentities', () => {
  it('joins what stands on both sides of a chain', () => {
    const b = new GraphBuilder();
    const scale = b.float(2);
    const shared = b.op('Identity', [b.op('Identity', [scale])]);
    const y = b.op('Mul', [b.op('Dropout', [x]), shared]);
    const graph = dropIdentities(b.build('g', [x], [y]));
    expect(opTypes(graph)).toEqual(['Mul']);
    expect(graph.nodes[0]!.inputs).toEqual([x, scale]);
    expect(graph.initializers.has(scale)).toBe(true);
  });

  it('keeps the Identity that names an output', () => {
    const b = new GraphBuilder();
    const y = b.op('Identity', [b.op('Identity', [x])], { name: 'logits' });
    const graph = dropIdentities(b.build('g', [x], [y]));
    expect(opTypes(graph)).toEqual(['Identity']);
    expect(graph.nodes[0]!.inputs[0]).toBe(x);
    expect(graph.outputs).toEqual([y]);
  });

  it('keeps a Dropout whose mask is used', () => {
    const b = new GraphBuilder();
    const [kept, mask] = b.multi('Dropout', [x], 2);
    const graph = dropIdentities(b.build('g', [x], [b.op('Where', [mask!, kept!, x])]));
    expect(opTypes(graph)).toEqual(['Dropout', 'Where']);
    expect(opTypes(dropIdentities({ ...graph, outputs: [mask!] }))).toEqual(['Dropout']);
  });

  it('leaves ops of other domains alone', () => {
    const b = new GraphBuilder();
    const y: Value = { name: 'y' };
    b.append({ opType: 'Identity', domain: 'a.b', name: '', inputs: [x], outputs: [y], attributes: {} });
    expect(dropIdentities(b.build('g', [x], [b.op('Neg', [y])])).nodes).toHaveLength(2);
  });

  it('leaves bodies with values that are still computed', () => {
    const b = new GraphBuilder();
    const copy = b.op('Identity', [b.op('Neg', [x])], { name: 'copy' });
    const branch = (op: string) => {
      const inner = new GraphBuilder();
      return { graph: inner.build(op, [], [inner.op(op, [copy])]) };
    };
    const y = b.op('If', [b.bool(true)], {
      attributes: { then_branch: branch('Exp'), else_branch: branch('Abs') },
    });
    const graph = dropIdentities(b.build('g', [x], [y]));
    const computed = new Set<Value | null>([x, ...graph.initializers.keys()]);
    for (const node of graph.nodes) {
      for (const value of valuesRead(node)) expect(computed).toContain(value);
      for (const value of node.outputs) computed.add(value);
    }
  });
});

import { describe, expect, it } from 'vitest';
import {
  type Call,
  input,
  modelOf,
  normalised,
  OPSET_CHANGES,
  scales,
  weight,
  x,
} from '../../../../test/fixtures/dent/opset-changes.ts';
import { startEngine } from '../../../../test/fixtures/engine/start-engine.ts';
import { InputError } from '../../../errors.ts';
import {
  type Attribute,
  encodeModel,
  type Graph,
  GraphBuilder,
  int64Constant,
  type Model,
  type Node,
  type OpOptions,
} from '../../../onnx/index.ts';
import type { Tensor } from '../../../tensor.ts';
import { dropIdentities } from './drop-identities.ts';
import { upgradeOpset } from './upgrade-opset.ts';

const engine = startEngine();

const run = (model: Model) => engine.evaluate(encodeModel(model), { x });

/** Equal up to the order in which a kernel of another version sums. */
function expectAlike(actual: Record<string, Tensor>, expected: Record<string, Tensor>): void {
  expect(Object.keys(actual)).toEqual(Object.keys(expected));
  for (const [name, { dims, data }] of Object.entries(expected)) {
    expect(actual[name]!.dims).toEqual(dims);
    data.forEach((value, i) => {
      expect(Number(actual[name]!.data[i])).toBeCloseTo(Number(value), 5);
    });
  }
}

const byPixel: Call = {
  attributes: { spatial: 0 },
  inputs: (b) => Array.from({ length: 4 }, () => weight(b, [4, 3, 2])),
};

describe('upgradeOpset', () => {
  it.each(OPSET_CHANGES)('means the same: %s', async (_title, op, opset, call) => {
    const old = modelOf(op, opset, call);
    const upgraded = upgradeOpset(old);
    expect(upgraded.opset).toBe(18);
    expect(upgraded.irVersion).toBe(8);
    expectAlike(await run(upgraded), await run(old));
  });

  it('takes statistics by channel for such whatever the node calls them', async () => {
    const wrong = modelOf('BatchNormalization', 8, normalised({ spatial: 0 }));
    await expect(run(wrong)).rejects.toThrow(InputError);
    const right = modelOf('BatchNormalization', 8, normalised({ spatial: 1 }));
    expectAlike(await run(upgradeOpset(wrong)), await run(right));
  });

  it('with dropIdentities takes a Dropout of any operator set away', async () => {
    for (const [opset, outputs] of [
      [11, 1],
      [11, 2],
      [17, 1],
    ] as const) {
      const b = new GraphBuilder();
      const attributes: OpOptions['attributes'] = opset < 12 ? { ratio: { float: 0.5 } } : {};
      const [kept] = b.multi('Dropout', [input], outputs, { attributes });
      const graph = b.build('g', [input], [b.op('Neg', [kept!], { name: 'y' })]);
      const model: Model = { irVersion: 6, opset, otherDomains: {}, producer: '', metadata: {}, graph };
      const upgraded = upgradeOpset(model);
      const dropped = { ...upgraded, graph: dropIdentities(upgraded.graph) };
      expect(dropped.graph.nodes.map((node) => node.opType)).toEqual(['Neg']);
      expectAlike(await run(dropped), await run(model));
    }
  });

  it('leaves a recent model as it is', () => {
    const model: Model = { ...modelOf('Softmax', 21, {}), irVersion: 10 };
    const upgraded = upgradeOpset(model);
    expect([upgraded.opset, upgraded.irVersion]).toEqual([21, 10]);
    expect(upgraded.graph.nodes).toEqual(model.graph.nodes);
  });

  it('keeps the weights', () => {
    const model = modelOf('ReduceMean', 13, {
      attributes: { axes: [1] },
      write: (b) => b.op('Mul', [input, 3]),
    });
    const { initializers } = upgradeOpset(model).graph;
    for (const [value, constant] of model.graph.initializers) expect(initializers.get(value)).toBe(constant);
    expect([...initializers.values()]).toContainEqual(int64Constant([1], [1]));
  });

  it('leaves ops of other domains alone', () => {
    const custom: Node = {
      opType: 'Softmax',
      domain: 'com.example',
      name: 's',
      inputs: [input],
      outputs: [{ name: 'y' }],
      attributes: { axes: { kind: 'ints', value: [1] } },
    };
    const graph: Graph = {
      name: 'g',
      inputs: [input],
      outputs: [custom.outputs[0]!],
      initializers: new Map(),
      nodes: [custom],
    };
    const model = { ...modelOf('Neg', 11, {}), otherDomains: { 'com.example': 1 }, graph };
    expect(upgradeOpset(model).graph.nodes).toEqual([custom]);
  });

  it.each([6, 27])('refuses opset %i, which ONNX Runtime does not know', async (opset) => {
    const model = modelOf('Abs', opset, {});
    expect(() => upgradeOpset(model)).toThrow(
      new InputError(
        `The model uses opset ${opset}; dent-serve reads opset 7 to 26. Export it again in one of these, or convert it: onnx.version_converter.convert_version(model, 18).`,
      ),
    );
  });

  it('reads the newest opset that ONNX Runtime knows', async () => {
    const newest = modelOf('Abs', 26, {});
    expect(upgradeOpset(newest).opset).toBe(26);
    expectAlike(await run(newest), await run(modelOf('Abs', 18, {})));
    await expect(run(modelOf('Abs', 27, {}))).rejects.toThrow(InputError);
  });

  it.each<readonly [string, string, number, Call, string]>([
    [
      'statistics by pixel',
      'BatchNormalization',
      8,
      byPixel,
      'normalises each pixel by statistics of its own',
    ],
    [
      'an axis grown, another shrunk',
      'Resize',
      10,
      { inputs: (b) => [scales(b, [1, 1, 0.5, 2])] },
      'makes one axis longer and another shorter',
    ],
    [
      'a computed scale',
      'Resize',
      10,
      { inputs: (b) => [b.op('Abs', [scales(b, [1, 1, 2, 2])])] },
      'has a computed scale',
    ],
  ])('refuses what means nothing later, and names the way out: %s', (_what, op, opset, call, sentence) => {
    expect(() => upgradeOpset(modelOf(op, opset, call))).toThrow(
      new InputError(
        `${op} "subject" ${sentence} (opset ${opset}), which is not read; convert the model with onnx.version_converter, or export it with opset 18.`,
      ),
    );
  });

  it('refuses bodies in an old operator set', () => {
    const body: Attribute = { kind: 'graph', value: new GraphBuilder().build('body', [], []) };
    const model = modelOf('If', 13, { attributes: { then_branch: body, else_branch: body } });
    expect(() => upgradeOpset(model)).toThrow(
      new InputError(
        'If "subject" holds a graph of its own (opset 13); export the model with opset 18, or convert it with onnx.version_converter.',
      ),
    );
    expect(() => upgradeOpset({ ...model, opset: 18 })).not.toThrow();
  });
});

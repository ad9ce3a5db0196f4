import { describe, expect, it } from 'vitest';
import {
  batchNormalization,
  body,
  chain,
  head,
  modelOf,
  type Write,
  weights,
} from '../../../../test/fixtures/dent/models.ts';
import { startEngine } from '../../../../test/fixtures/engine/start-engine.ts';
import { DATA_TYPE, type Dim, decodeModel, encodeModel, type Graph } from '../../../onnx/index.ts';
import { float32, type Tensor } from '../../../tensor.ts';
import { foldNormalization } from './fold-normalization.ts';

const engine = startEngine();
const images = float32(
  [2, 3, 6, 8],
  Float32Array.from({ length: 288 }, (_, i) => Math.cos(i)),
);

async function bothAnswers(layers: Write, shape?: readonly Dim[]) {
  const bytes = modelOf(layers);
  const model = decodeModel(bytes);
  const normalized = model.graph.nodes.find(({ opType }) => opType === 'BatchNormalization')!.inputs[0]!;
  if (shape) normalized.type = { dataType: DATA_TYPE.float32, shape };
  const graph: Graph = foldNormalization(model.graph);
  const [before, after] = await Promise.all(
    [bytes, encodeModel({ ...model, graph })].map((each) => engine.evaluate(each, { image: images })),
  );
  const data = (answer: typeof before) => [...(answer!.result as Tensor<'float32'>).data];
  return { ops: graph.nodes.map(({ opType }) => opType), before: data(before), after: data(after) };
}

const conv =
  (inputs: number, groups: number, hasBias: boolean): Write =>
  (b, x) => {
    const bias = hasBias ? [weights(b, [4], 8)] : [];
    return b.op('Conv', [x, weights(b, [4, inputs / groups, 3, 3], 7), ...bias], {
      attributes: { pads: [1, 1, 1, 1], group: groups },
    });
  };
const norm: Write = (b, x) => batchNormalization(b, x, 4, 'folded');

describe('foldNormalization', () => {
  it.each([
    ['a convolution', [conv(3, 1, false), norm, head], ['Conv', 'GlobalAveragePool', 'Flatten', 'Gemm']],
    ['one with a bias', [conv(3, 1, true), norm, head], ['Conv', 'GlobalAveragePool', 'Flatten', 'Gemm']],
    [
      'one in groups',
      [body, conv(4, 2, true), norm, head],
      ['Conv', 'Relu', 'Conv', 'GlobalAveragePool', 'Flatten', 'Gemm'],
    ],
  ] as const)('makes it part of %s', async (_, layers, ops) => {
    const answer = await bothAnswers(chain(...layers));
    expect(answer.ops).toEqual(ops);
    answer.after.forEach((logit, i) => {
      expect(logit).toBeCloseTo(answer.before[i]!, 4);
    });
  });

  const branching: Write = (b, x) => {
    const convolved = conv(3, 1, false)(b, x);
    return b.op('Add', [convolved, norm(b, convolved)]);
  };

  it('makes it a product and a sum where others read the convolution too', async () => {
    const { ops, before, after } = await bothAnswers(chain(branching, head), ['N', 4, 6, 8]);
    expect(ops).toEqual(['Conv', 'Mul', 'Add', 'Add', 'GlobalAveragePool', 'Flatten', 'Gemm']);
    after.forEach((logit, i) => {
      expect(logit).toBeCloseTo(before[i]!, 4);
    });
  });

  it('leaves it as it is where not even the rank is known', async () => {
    const { ops, before, after } = await bothAnswers(chain(branching, head));
    expect(ops).toContain('BatchNormalization');
    expect(after).toEqual(before);
  });
});

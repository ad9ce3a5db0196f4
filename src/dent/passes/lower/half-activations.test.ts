import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { body, chain, head, modelOf, type Write, weights } from '../../../../test/fixtures/dent/models.ts';
import { type TypedNode, typedNodes } from '../../../../test/fixtures/dent/typed-nodes.ts';
import { startEngine } from '../../../../test/fixtures/engine/start-engine.ts';
import { DATA_TYPE, float32Constant } from '../../../onnx/index.ts';
import { float32, int64, type Tensor } from '../../../tensor.ts';
import { type CompileOptions, compile, createRecipe, type PresetName } from '../../index.ts';

const folder = new URL('../../../../test/golden/architectures/', import.meta.url);
const model = readFileSync(new URL('resnet/model.onnx', folder));
const bundled = readFileSync(new URL('../../../../models/cifar10-resnet14/1/model.onnx', import.meta.url));

const engine = startEngine();

function images(rows: number): Tensor<'float32'> {
  const { buffer, byteOffset } = readFileSync(new URL('images.f32', folder));
  const data = new Float32Array(buffer.slice(byteOffset, byteOffset + rows * 3 * 32 * 32 * 4));
  return float32([rows, 3, 32, 32], data);
}

type Format = NonNullable<CompileOptions['activations']>;

async function answers(of: Uint8Array, preset: PresetName, activations: Format, image = images(6)) {
  const recipe = createRecipe({ preset });
  const { bytes, input, output } = await compile(of, recipe, engine, { activations, target: 'cuda' });
  const answer = await engine.evaluate(bytes, { [input]: image, steps: int64([], [recipe.steps]) });
  return { bytes, logits: answer[output] as Tensor<'float32'>, entropy: answer.entropy as Tensor<'float32'> };
}

const topClass = ({ dims, data }: Tensor<'float32'>): number[] =>
  Array.from({ length: dims[0]! }, (_, row) => {
    const logits = [...data.subarray(row * dims[1]!, (row + 1) * dims[1]!)];
    return logits.indexOf(Math.max(...logits));
  });

const nodesOf = (nodes: readonly TypedNode[], opType: string, dataType: number) =>
  nodes.filter(({ node, type }) => node.opType === opType && type === dataType);

const graphOf = async (preset: PresetName, activations: Format) => {
  const options = { activations, target: 'cuda', isPadded: true } as const;
  return typedNodes((await compile(bundled, createRecipe({ preset }), engine, options)).bytes);
};

describe.each(['static', 'dent', 'isolated', 'brief', 'dent+'] as const)('%s', (preset) => {
  it('computes activations and their gradients in float16', async () => {
    const nodes = await graphOf(preset, 'fp16');
    expect(nodesOf(nodes, 'Conv', DATA_TYPE.float16).length).toBeGreaterThan(5);
    for (const opType of ['Conv', 'ConvTranspose', 'Relu', 'HardSigmoid'])
      expect(nodesOf(nodes, opType, DATA_TYPE.float32)).toEqual([]);
    // What is left in float32: the prediction, and per step some vectors of all parameters. No layer has any.
    const layers = nodesOf(nodes, 'Relu', DATA_TYPE.float16).length;
    const small = nodes.filter(({ node, type }) => type === DATA_TYPE.float32 && node.opType === 'Mul');
    expect(small.length).toBeLessThan(20);
    expect(nodes.filter(({ node }) => node.opType === 'Cast').length).toBeLessThan(20);
    expect(layers).toBeGreaterThan(10);
  });

  it('computes the last layer in float32, and no cast is undone at once', async () => {
    const nodes = await graphOf(preset, 'fp16');
    expect(nodesOf(nodes, 'Gemm', DATA_TYPE.float16)).toEqual([]);
    const casts = nodes.filter(({ node }) => node.opType === 'Cast');
    const widened = new Map(
      casts.flatMap(({ node, type }) => (type === DATA_TYPE.float16 ? [[node.outputs[0]!, node]] : [])),
    );
    const back = casts.filter(({ node }) => {
      const { to } = node.attributes;
      return widened.has(node.inputs[0]!) && to?.kind === 'int' && to.value === DATA_TYPE.float16;
    });
    expect(back).toEqual([]);
  });

  it('computes nothing in float16 unless it is asked for', async () => {
    const nodes = await graphOf(preset, 'fp32');
    expect(nodes.filter(({ type }) => type === DATA_TYPE.float16)).toEqual([]);
  });
});

it.each(['norm', 'blend', 'tent', 'auto'] as const)(
  'takes the statistics of %s in float32',
  async (preset) => {
    const nodes = await graphOf(preset, 'fp16');
    for (const opType of ['ReduceMean', 'Sqrt', 'Div'])
      expect(nodesOf(nodes, opType, DATA_TYPE.float16)).toEqual([]);
    expect(nodesOf(nodes, 'ReduceMean', DATA_TYPE.float32).length).toBeGreaterThan(20);
    for (const { node } of nodesOf(nodes, 'Mul', DATA_TYPE.float16))
      expect(node.inputs[0]).not.toBe(node.inputs[1]);
  },
);

describe.each(['static', 'norm', 'tent', 'dent', 'isolated', 'brief', 'dent-smooth'] as const)(
  '%s',
  (preset) => {
    it('answers nearly as in float32', async () => {
      const half = await answers(model, preset, 'fp16');
      const whole = await answers(model, preset, 'fp32');
      const largest = Math.max(...whole.logits.data.map(Math.abs));
      const off = half.logits.data.map((logit, i) => Math.abs(logit - whole.logits.data[i]!) / largest);
      expect(Math.max(...off)).toBeLessThan(0.05);
      // It is another arithmetic: alike to the last bit would mean that nothing was halved.
      expect(Math.max(...off)).toBeGreaterThan(1e-6);
      expect(topClass(half.logits)).toEqual(topClass(whole.logits));
      const falls = (entropy: Tensor<'float32'>) =>
        entropy.data.at(-1)! <= entropy.data[entropy.dims[1]! - 1]! + 1e-6;
      expect(falls(half.entropy)).toBe(falls(whole.entropy));
    });
  },
);

it('has gradients of few rows as far from the end of float16 as those of many', async () => {
  const vgg = readFileSync(new URL('vgg/model.onnx', folder));
  const half = await answers(vgg, 'dent', 'fp16', images(2));
  const whole = await answers(vgg, 'dent', 'fp32', images(2));
  const largest = Math.max(...whole.logits.data.map(Math.abs));
  half.logits.data.forEach((logit, i) => {
    expect(Math.abs(logit - whole.logits.data[i]!) / largest).toBeLessThan(0.02);
  });
});

describe('images of 160 x 160', () => {
  const size = 160;
  const type = { dataType: DATA_TYPE.float32, shape: ['batch', 3, size, size] };
  const data = Float32Array.from({ length: 2 * 3 * size * size }, (_, i) => 1 + Math.sin(i / 9));
  /** Its numbers are `factor` times as large, and then normalised. */
  const swollen =
    (factor: number): Write =>
    (b, x) => {
      const convolved = b.op('Conv', [x, weights(b, [4, 3, 3, 3], 1)], {
        attributes: { pads: [1, 1, 1, 1] },
      });
      const large = b.op('Mul', [convolved, factor]);
      const constant = (value: number) => b.constant(float32Constant([4], [value, value, value, value]));
      const [scale, shift, mean, variance] = [1, 0.5, 0, factor ** 2].map(constant);
      return b.op('Relu', [b.op('BatchNormalization', [large, scale!, shift!, mean!, variance!])]);
    };

  it.each([
    ['usual numbers', body],
    ['numbers whose sums go beyond float16', swollen(5e3)],
  ] as const)('of %s are adapted to', async (_, start) => {
    const bytes = modelOf(chain(start, head), { type });
    const image = float32([2, 3, size, size], data);
    for (const preset of ['isolated', 'dent'] as const) {
      const half = await answers(bytes, preset, 'fp16', image);
      const whole = await answers(bytes, preset, 'fp32', image);
      expect(half.logits.data.every(Number.isFinite)).toBe(true);
      const largest = Math.max(...whole.logits.data.map(Math.abs));
      half.logits.data.forEach((logit, i) => {
        expect(Math.abs(logit - whole.logits.data[i]!) / largest).toBeLessThan(0.02);
      });
    }
  });
});

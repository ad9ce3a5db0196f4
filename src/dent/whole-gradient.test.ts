import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { withCompiled } from '../../test/fixtures/dent/compiled.ts';
import { startEngine } from '../../test/fixtures/engine/start-engine.ts';
import { appendGradients } from '../autodiff/index.ts';
import { decodeModel, encodeModel, GraphBuilder, inline, type Value } from '../onnx/index.ts';
import { float32, type Tensor } from '../tensor.ts';
import { adaptiveForward } from './adaptive-forward.ts';
import { rowCount } from './affine.ts';
import { compile, createRecipe } from './index.ts';
import { findLayers } from './layers.ts';
import { inDoublePrecision, lossOf, rowEntropy } from './objective.ts';
import { prepare } from './prepare.ts';

/** Exports with BatchNormalization folded into the convolutions, and networks that never had it. */
const FORMS = [
  'resnet-folded',
  'mobilenet_v3-folded',
  'densenet-folded',
  'vgg',
  'squeezenet',
  'group_norm',
  'vit',
];

const folder = new URL('../../test/golden/architectures/', import.meta.url);
const model = (name: string): Uint8Array => readFileSync(new URL(`${name}/model.onnx`, folder));

const engine = startEngine();

/** The first four images of the folder. */
const images = (): Tensor<'float32'> => {
  const { buffer, byteOffset } = readFileSync(new URL('images.f32', folder));
  return float32(
    [4, 3, 32, 32],
    new Float32Array(buffer.slice(byteOffset, byteOffset + 4 * 3 * 32 * 32 * 4)),
  );
};

const recipe = createRecipe({ preset: 'dent' });

/** The objective at given offsets of the parameters, and its gradient at zero offsets. */
async function functionOf(name: string) {
  const { classifier } = await prepare(decodeModel(model(name)), engine, {});
  const forward = adaptiveForward(classifier, findLayers(classifier.model.graph).layers, recipe);
  const builder = new GraphBuilder();
  const [image, parameters] = forward.graph.inputs.map((value) => ({ ...value })) as [Value, Value];
  const [logits] = inline(builder, forward.graph, [image, parameters]) as [Value];
  const exact = inDoublePrecision(builder, logits);
  const predicted = { logits: exact, entropy: rowEntropy(builder, exact), rows: rowCount(builder, image) };
  const loss = lossOf(recipe)(builder, predicted);
  const graphOf = (value: Value) =>
    encodeModel({ ...classifier.model, graph: builder.build('whole', [image, parameters], [value]) });
  const lossGraph = graphOf(builder.op('Identity', [loss], { name: 'result' }));
  const [gradient] = appendGradients(builder, loss, [parameters]) as [Value];
  const gradientGraph = graphOf(builder.op('Identity', [gradient], { name: 'result' }));
  const width = forward.parameterCount;
  const evaluate = async (bytes: Uint8Array, offsets: Float32Array) => {
    const feeds = { [image.name]: images(), [parameters.name]: float32([1, width], offsets) };
    return Object.values(await engine.evaluate(bytes, feeds))[0]!.data as Float32Array;
  };
  return {
    loss: async (offsets: Float32Array) => (await evaluate(lossGraph, offsets))[0]!,
    gradient: await evaluate(gradientGraph, new Float32Array(width)),
  };
}

const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);

describe.each(FORMS)('%s', (name) => {
  it('has the gradient that finite differences of the whole network give', async () => {
    const { loss, gradient } = await functionOf(name);
    const length = Math.sqrt(dot(gradient, gradient));
    // Along the gradient itself, and along a direction with some of its signs turned.
    const directions = [
      gradient.map((g) => g / length),
      gradient.map((g, i) => (Math.sin(i * i) + (3 * g) / length) / Math.sqrt(gradient.length)),
    ];
    for (const direction of directions) {
      const slope = dot(gradient, direction);
      const h = 1e-3 / Math.abs(slope);
      const [above, below] = await Promise.all([h, -h].map((step) => loss(direction.map((v) => step * v))));
      expect((above! - below!) / (2 * h) / slope).toBeCloseTo(1, 2);
    }
  });

  it('loses entropy with every step', async () => {
    const steps = 4;
    const compiled = await compile(model(name), createRecipe({ preset: 'dent', steps }), engine);
    const { entropy } = await withCompiled(engine, compiled, (artifact) => artifact.run(images(), steps));
    const means = Array.from({ length: steps + 1 }, (_, step) =>
      entropy.data.slice(4 * step, 4 * step + 4).reduce((sum, h) => sum + h / 4, 0),
    );
    expect(means).toEqual([...means].sort((a, b) => b - a));
    expect(means[0]! - means[steps]!).toBeGreaterThan(1e-3);
  });
});

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { startEngine } from '../../test/fixtures/engine/start-engine.ts';
import { appendGradients } from '../autodiff/index.ts';
import { DATA_TYPE, decodeModel, encodeModel, GraphBuilder, inline, type Value } from '../onnx/index.ts';
import { float32, int64, type Tensor } from '../tensor.ts';
import {
  adaptedLayers,
  adaptiveForward,
  compile,
  createRecipe,
  inDoublePrecision,
  type PreparedModel,
  prepare,
  type Recipe,
} from './index.ts';

const folder = new URL('../../test/golden/architectures/', import.meta.url);
const model = readFileSync(new URL('resnet/model.onnx', folder));

const engine = startEngine();

const ROWS = 3;
const labels = int64([ROWS], [1, 0, 2]);

function images(): Tensor<'float32'> {
  const { buffer, byteOffset } = readFileSync(new URL('images.f32', folder));
  const length = ROWS * 3 * 32 * 32;
  return float32([ROWS, 3, 32, 32], new Float32Array(buffer.slice(byteOffset, byteOffset + length * 4)));
}

/** Cross-entropy of each row, [N] float64. */
function crossEntropy(builder: GraphBuilder, logits: Value, of: Value): Value {
  const [n, k] = logits.type!.shape!;
  const shape = [n!, k!];
  const logP = builder.op('LogSoftmax', [logits], { attributes: { axis: 1 }, shape });
  const column = builder.op('Unsqueeze', [of, builder.ints([1])]);
  const picked = builder.op('GatherElements', [logP, column], { attributes: { axis: 1 }, shape: [n!, 1] });
  const row = builder.op('Squeeze', [picked, builder.ints([1])], { shape: [n!] });
  return builder.op('Neg', [row], { shape: [n!] });
}

/**
 * (image, parameters, labels) -> (logits, loss of each row, gradient of the image): the compiler's parts,
 * combined anew.
 */
function inputGradient({ classifier }: PreparedModel, recipe: Recipe): Uint8Array {
  const layers = adaptedLayers(recipe, classifier.model.graph);
  const forward = adaptiveForward(classifier, layers, recipe);
  const builder = new GraphBuilder();
  const [image, parameters] = forward.graph.inputs.map((value) => ({ ...value })) as [Value, Value];
  const of: Value = { name: 'labels', type: { dataType: DATA_TYPE.int64, shape: ['N'] } };
  const [logits] = inline(builder, forward.graph, [image, parameters]) as [Value];
  const losses = crossEntropy(builder, inDoublePrecision(builder, logits), of);
  const total = builder.op('ReduceSum', [losses], { attributes: { keepdims: 0 }, shape: [] });
  const [gradient] = appendGradients(builder, total, [image]) as [Value];
  const named = (name: string, value: Value, like: Value) =>
    builder.op('Identity', [value], { name, shape: like.type!.shape! });
  const outputs = [
    named('result', logits, logits),
    named('losses', losses, losses),
    named('gradient', gradient, image),
  ];
  return encodeModel({
    ...classifier.model,
    graph: builder.build('attack', [image, parameters, of], outputs),
  });
}

/** The graph's outputs for some images, with the parameters that the recipe adapts to the clean images. */
async function attackable(recipe: Recipe) {
  const prepared = await prepare(decodeModel(model), engine, {});
  const { bytes, input } = await compile(model, recipe, engine, { exposesParameters: true });
  const steps = int64([], [recipe.steps]);
  const adapted = await engine.evaluate(bytes, { [input]: images(), steps });
  const probe = await engine.probe(inputGradient(prepared, recipe));
  const at = async (image: Tensor<'float32'>) => {
    const { result, losses, gradient } = await probe.run({
      [input]: image,
      parameters: adapted.parameters!,
      labels,
    });
    return {
      logits: result as Tensor<'float32'>,
      losses: losses as Tensor<'float64'>,
      gradient: gradient as Tensor<'float32'>,
    };
  };
  return { adapted, at, release: probe.release };
}

const RECIPES = {
  static: createRecipe({ preset: 'static' }),
  'adapted by row': createRecipe({ preset: 'isolated' }),
  'adapted by batch': createRecipe({ preset: 'dent', steps: 3 }),
  smoothed: createRecipe({ preset: 'dent-smooth', steps: 2 }),
};

describe.each(Object.entries(RECIPES))('%s', (_, recipe) => {
  it('has the gradient of the image that finite differences give, the parameters held fixed', async () => {
    const { adapted, at, release } = await attackable(recipe);
    const x = images();
    const here = await at(x);
    // These are the parameters that the self-adapting graph predicts with.
    const logits = Object.values(adapted)[0] as Tensor<'float32'>;
    logits.data.forEach((logit, i) => {
      expect(here.logits.data[i]).toBeCloseTo(logit, 3);
    });
    const size = x.data.length / ROWS;
    for (let row = 0; row < ROWS; row++) {
      // Along the row's own gradient only its own loss may change, by the gradient's length.
      const gradient = here.gradient.data.subarray(row * size, (row + 1) * size);
      const length = Math.hypot(...gradient);
      const h = 1e-2;
      const moved = (sign: number) => {
        const data = x.data.slice();
        gradient.forEach((g, i) => {
          data[row * size + i]! += (sign * h * g) / length;
        });
        return at(float32(x.dims, data));
      };
      const [above, below] = [await moved(1), await moved(-1)];
      const slopes = Array.from(above.losses.data, (loss, i) => (loss - below.losses.data[i]!) / (2 * h));
      slopes.forEach((slope, i) => {
        if (i === row) expect(slope / length).toBeCloseTo(1, 1);
        else expect(slope).toBeCloseTo(0, 4);
      });
    }
    await release();
  });
});

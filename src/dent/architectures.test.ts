import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { withCompiled } from '../../test/fixtures/dent/compiled.ts';
import { startEngine } from '../../test/fixtures/engine/start-engine.ts';
import { float32, type Tensor } from '../tensor.ts';
import { compile, createRecipe } from './index.ts';

/** PyTorch's results for one model under one recipe. make.py in the same folder writes it. */
interface Case {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly tolerance: number;
  /** How far adaptation moves the logits. */
  readonly effect: number;
  readonly logits: readonly (readonly number[])[];
  readonly entropies: readonly (readonly number[])[];
}

const folder = new URL('../../test/golden/architectures/', import.meta.url);
const names = readdirSync(folder).filter((name) => existsSync(new URL(`${name}/expected.json`, folder)));

const engine = startEngine({ threads: 2 });

function images(dims: readonly number[]): Tensor<'float32'> {
  const bytes = new Uint8Array(readFileSync(new URL('images.f32', folder)));
  return float32(dims, new Float32Array(bytes.buffer));
}

const distance = (actual: Tensor<'float32'>, expected: readonly (readonly number[])[]): number => {
  const numbers = expected.flat();
  expect(actual.data).toHaveLength(numbers.length);
  return Math.max(...numbers.map((value, i) => Math.abs(value - actual.data[i]!)));
};

describe.each(names)('%s', (name) => {
  const model = readFileSync(new URL(`${name}/model.onnx`, folder));
  const expected = JSON.parse(readFileSync(new URL(`${name}/expected.json`, folder), 'utf8'));

  it.each(Object.entries<Case>(expected.cases))('%s', async (_recipe, golden) => {
    const { sigma_lr: sigmaLr, ...settings } = golden.settings;
    const recipe = createRecipe({ ...settings, ...(sigmaLr !== undefined && { sigmaLr }) });
    const compiled = await compile(model, recipe, engine);
    const answer = await withCompiled(engine, compiled, (artifact) =>
      artifact.run(images(expected.images), recipe.steps),
    );
    expect(distance(answer.logits, golden.logits)).toBeLessThanOrEqual(golden.tolerance);
    expect(distance(answer.entropy, golden.entropies)).toBeLessThanOrEqual(golden.tolerance);
    expect(golden.effect, 'an effect that the tolerance would show').toBeGreaterThan(100 * golden.tolerance);
  });
});

it('covers the families of torchvision', () => {
  const families = new Set(names.map((name) => name.split('-')[0]));
  expect([...families].sort()).toEqual([
    'alexnet',
    'convnext',
    'densenet',
    'efficientnet',
    'googlenet',
    'group_norm',
    'inception',
    'instance_norm',
    'maxvit',
    'mnasnet',
    'mobilenet_v2',
    'mobilenet_v3',
    'rare',
    'regnet',
    'resnet',
    'resnext',
    'shufflenet',
    'squeezenet',
    'swin',
    'swin_v2',
    'unusual',
    'vgg',
    'vgg_bn',
    'vit',
  ]);
});

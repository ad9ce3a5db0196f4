import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { startEngine } from '../../test/fixtures/engine/start-engine.ts';
import { loadGolden } from '../../test/golden/load.ts';
import { DATA_TYPE, decodeModel } from '../onnx/index.ts';
import { float32, int64, rows, type Tensor } from '../tensor.ts';
import { compile, createRecipe, isCoupled, PRESETS, type PresetName, updatesMade } from './index.ts';

const engine = startEngine({ threads: 2 });

const { model: bundled, input: eight } = loadGolden('bundled');
/** 16 images: eight, and the same at less contrast. */
const input = float32(
  [16, ...eight.dims.slice(1)],
  [...eight.data, ...eight.data.map((pixel) => pixel * 0.6)],
);
const architecture = (name: string): Uint8Array =>
  readFileSync(new URL(`../../test/golden/architectures/${name}/model.onnx`, import.meta.url));

/** Differences of rounding alone. */
const ROUNDING = 1e-6;
const STEPS = 2;
type Answer = Readonly<Record<string, Tensor>>;

type Options = Readonly<Record<string, unknown>>;

async function opened(model: Uint8Array, options: Options, isPadded: boolean) {
  const compiled = await compile(model, createRecipe(options), engine, { isPadded });
  const { run, release } = await engine.probe(compiled.bytes);
  return { ...compiled, run, release };
}

/** The first `valid` images in a batch of `size`; each further number comes from `filling`. */
function filled(valid: number, size: number, filling: (i: number) => number): Tensor<'float32'> {
  const { dims, data } = rows(input, 0, valid);
  const batch = Float32Array.from({ length: (data.length / valid) * size }, (_, i) => filling(i));
  batch.set(data);
  return float32([size, ...dims.slice(1)], batch);
}

/** An answer without what it says of rows beyond the first `valid`. */
function firstRows(answer: Answer, valid: number): Record<string, Tensor> {
  const { entropy, top, ...byRow } = answer as Record<string, Tensor<'float32'>>;
  const [, size] = entropy!.dims as [number, number];
  const cut = Object.entries(byRow).map(([name, tensor]) => {
    return [name, tensor.dims[0] === size ? rows(tensor, 0, valid) : tensor] as const;
  });
  const ofLines = ({ dims, data }: Tensor<'float32'>): Tensor<'float32'> => {
    const [lines, , width = 1] = dims as [number, number, number?];
    const kept = data.filter((_, i) => Math.floor(i / width) % size < valid);
    return float32([lines, valid, ...dims.slice(2)], kept);
  };
  return { ...Object.fromEntries(cut), entropy: ofLines(entropy!), top: ofLines(top!) };
}

/** The largest difference of two answers, beside the largest number. */
function difference(actual: Answer, expected: Answer): number {
  expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
  const of = (name: string): number => {
    const [one, other] = [actual[name]!, expected[name]!];
    expect(one.dims).toEqual(other.dims);
    const [found, wanted] = [Array.from(one.data, Number), Array.from(other.data, Number)];
    const largest = Math.max(...wanted.map(Math.abs)) || 1;
    return Math.max(...found.map((value, i) => Math.abs(value - wanted[i]!))) / largest;
  };
  return Math.max(...Object.keys(expected).map(of));
}

const FILLINGS: readonly ((i: number) => number)[] = [() => 0, (i) => Math.sin(i) * 1e20, () => Number.NaN];

async function expectPaddingHidden(model: Uint8Array, options: Options, sizes: [number, number][]) {
  const [plain, padded] = [await opened(model, options, false), await opened(model, options, true)];
  const steps = int64([], [STEPS]);
  for (const [valid, size] of sizes) {
    const image = rows(input, 0, valid);
    const expected = await plain.run({ [plain.input]: image, steps });
    const answers: Answer[] = [];
    for (const filling of FILLINGS) {
      const batch = filled(valid, size, filling);
      const feeds = { [padded.input]: batch, steps, valid_rows: int64([], [valid]) };
      answers.push(firstRows(await padded.run(feeds), valid));
    }
    expect(answers[1]).toEqual(answers[0]);
    expect(difference(answers[0]!, expected)).toBeLessThan(ROUNDING);
  }
  await Promise.all([plain.release(), padded.release()]);
}

describe('a batch that is filled up is answered as it is without the filling', () => {
  it.each(Object.keys(PRESETS) as PresetName[])('under %s', async (preset) => {
    await expectPaddingHidden(bundled, { preset }, [
      [1, 2],
      [13, 16],
    ]);
  });

  it.each([
    ['resnet', 'tent'],
    ['resnet', 'brief'],
    ['group_norm', 'dent'],
    ['group_norm', 'dent+'],
    ['swin', 'brief'],
    ['vit', 'dent-smooth'],
  ] as const)('by %s under %s', async (name, preset) => {
    await expectPaddingHidden(architecture(name), { preset }, [[3, 4]]);
  });
});

describe('statistics are chosen by the rows that count', () => {
  async function ofFive(options: Options, output: string): Promise<number[]> {
    const { run, input: image, release } = await opened(bundled, options, false);
    const answer = await run({ [image]: rows(input, 0, 5), steps: int64([], [0]) });
    await release();
    return Array.from(answer[output]!.data, Number);
  }

  it('by their entropies', async () => {
    const mean = async (preset: PresetName): Promise<number> =>
      (await ofFive({ preset }, 'entropy')).reduce((sum, nats) => sum + nats / 5, 0);
    const tie = (await mean('blend')) - (await mean('static'));
    for (const margin of [tie - 1e-3, tie + 1e-3]) {
      await expectPaddingHidden(bundled, { preset: 'auto', margin }, [[5, 16]]);
    }
  });

  it('by their divergence', async () => {
    const options = { preset: 'auto', margin: 10, divergenceRows: 0 };
    const [limit] = await ofFive({ ...options, divergence: 0.001 }, 'divergence');
    for (const divergence of [limit! * 0.999, limit! * 1.001]) {
      await expectPaddingHidden(bundled, { ...options, divergence }, [[5, 16]]);
    }
  });
});

it('would have been answered otherwise if the filling counted', async () => {
  for (const preset of Object.keys(PRESETS) as PresetName[]) {
    // With this margin `auto` takes the blend.
    const options = { preset, margin: 1 };
    if (!isCoupled(createRecipe(options))) continue;
    const { run, input: image, release } = await opened(bundled, options, false);
    const steps = int64([], [STEPS]);
    const alone = await run({ [image]: rows(input, 0, 5), steps });
    const among = firstRows(await run({ [image]: filled(5, 16, () => 0), steps }), 5);
    expect(difference(among, alone), preset).toBeGreaterThan(100 * ROUNDING);
    await release();
  }
});

it('rows that fill a batch have stopped before the first update', async () => {
  const { run, input: image, classes, release } = await opened(bundled, { preset: 'brief' }, true);
  const feeds = { [image]: filled(5, 16, Math.sin), steps: int64([], [6]), valid_rows: int64([], [5]) };
  const { entropy } = (await run(feeds)) as Record<string, Tensor<'float32'>>;
  const recipe = createRecipe({ preset: 'brief' });
  const made = (row: number) => {
    const trace = Float32Array.from({ length: 7 }, (_, line) => entropy!.data[line * 16 + row]!);
    return updatesMade(trace, recipe, classes);
  };
  expect([5, 6, 15].map(made)).toEqual([0, 0, 0]);
  expect(Math.max(...[0, 1, 2, 3, 4].map(made))).toBeGreaterThan(0);
  await release();
});

it('only a padded graph takes the number of rows', async () => {
  const [plain, padded] = [
    await opened(bundled, { preset: 'dent' }, false),
    await opened(bundled, { preset: 'dent' }, true),
  ];
  const inputs = ({ bytes }: { bytes: Uint8Array }) => decodeModel(bytes).graph.inputs;
  expect(inputs(plain).map(({ name }) => name)).toEqual([plain.input, 'steps']);
  expect(inputs(padded).slice(2)).toEqual([
    { name: 'valid_rows', type: { dataType: DATA_TYPE.int64, shape: [] } },
  ]);
  expect(plain).not.toHaveProperty('validRows');
  expect(padded).toMatchObject({ validRows: 'valid_rows' });
  await Promise.all([plain.release(), padded.release()]);
});

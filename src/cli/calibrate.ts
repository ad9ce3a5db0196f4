import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { type Config, loadConfig } from '../config.ts';
import { isChosen, PRESETS, RECIPE_FIELDS, type Recipe } from '../dent/index.ts';
import type { AdaptedRows, Engine } from '../engine/index.ts';
import { InputError } from '../errors.ts';
import { entropyNats, softmax } from '../inference/index.ts';
import { parseManifest } from '../models/index.ts';
import { rows as rowsOf } from '../tensor.ts';
import { type EvaluatedModel, findEvaluatedModel } from './evaluated-model.ts';
import { createGraphFolder } from './graph-folder.ts';
import { listImages, readImages } from './image-folder.ts';
import { addOutputOption, addSizeOption, readModelFile, type SizeOption } from './model-file.ts';
import { createProgress } from './progress.ts';
import { addSettingOption } from './setting-options.ts';
import { wholeNumber } from './whole-number.ts';
import { withEngine } from './with-engine.ts';
import { writeWhole } from './write-file.ts';

interface CalibrateOptions extends SizeOption, Partial<Pick<Config, 'models' | 'threads'>> {
  readonly data: string;
  readonly batchSize: number;
  readonly recipe?: string;
  readonly output?: string;
  readonly write?: boolean;
  readonly json?: boolean;
}

/** Fewer batches do not tell how much their gaps differ. */
const BATCHES_MIN = 4;

/**
 * By how many standard deviations the margin stays below the mean gap. One was right for two networks of
 * three (docs/recipes.md): more misses shifts that make a network wrong without making it unsure, and less
 * takes clean batches for shifted.
 */
const DEVIATIONS = 1;

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** By how many nats the blend is less sure of a batch than the model as it is. */
function gapOf({ staticLogits, entropy }: AdaptedRows): number {
  const count = staticLogits.dims[0]!;
  const before = Array.from({ length: count }, (_, row) =>
    entropyNats(softmax(rowsOf(staticLogits, row, row + 1).data)),
  );
  return mean([...entropy.data]) - mean(before);
}

export interface Calibration {
  /** The mean of the gaps and their standard deviation, in nats. */
  readonly gap: { readonly mean: number; readonly deviation: number };
  readonly margin: number;
}

/** The margin that takes few batches like these for shifted. */
export function calibrationOf(gaps: readonly number[]): Calibration {
  const centre = mean(gaps);
  const squares = gaps.reduce((sum, gap) => sum + (gap - centre) ** 2, 0);
  const deviation = Math.sqrt(squares / (gaps.length - 1));
  const { min, max } = RECIPE_FIELDS.margin;
  const margin = Math.min(max, Math.max(min, centre - DEVIATIONS * deviation));
  return { gap: { mean: centre, deviation }, margin: Number(margin.toFixed(4)) };
}

async function measureGaps(
  engine: Engine,
  model: EvaluatedModel,
  prior: number,
  { data, batchSize }: CalibrateOptions,
): Promise<number[]> {
  const files = await listImages(data);
  const batches = Math.floor(files.length / batchSize);
  if (batches < BATCHES_MIN) {
    throw new InputError(
      `${data}: ${files.length} images make ${batches} batches of ${batchSize}, and ${BATCHES_MIN} are needed; give more images, or a smaller --batch-size.`,
    );
  }
  const { input, output } = model.manifest;
  const imageShape = [input.channels === 'gray' ? 1 : 3, input.height, input.width] as const;
  const file = await readModelFile(model.versions[0]!.modelPath);
  const graphs = await createGraphFolder(engine, file, {
    imageShape,
    device: 'cpu',
    precision: 'fp32',
    ...(output !== undefined && { output }),
  });
  const progress = createProgress(batches * batchSize, 'images');
  try {
    const graph = await graphs.open({ ...PRESETS.blend, prior });
    const gaps: number[] = [];
    for (let batch = 0; batch < batches; batch++) {
      const part = files.slice(batch * batchSize, (batch + 1) * batchSize);
      const rows = await readImages(part, input, loadConfig({}).maxPixels);
      gaps.push(gapOf(await graph.run(rows, 0)));
      progress.update((batch + 1) * batchSize);
    }
    return gaps;
  } finally {
    progress.stop();
    await graphs.remove();
  }
}

/** The recipe to calibrate: the one that is named, the first that chooses its statistics, or a new one. */
function recipeToCalibrate(
  { manifest }: EvaluatedModel,
  named: string | undefined,
): { readonly name: string; readonly recipe: Recipe } {
  const [first] = Object.entries(manifest.recipes).filter(([, recipe]) => isChosen(recipe));
  const name = named ?? first?.[0] ?? 'auto';
  const recipe = manifest.recipes[name] ?? PRESETS.auto;
  if (isChosen(recipe)) return { name, recipe };
  throw new InputError(
    `--recipe: the recipe "${name}" has statistics "${recipe.statistics}"; the margin is for statistics "auto".`,
  );
}

/** Puts the margin into the recipe of the manifest, and leaves its other fields as they are. */
async function writeMargin(path: string, name: string, margin: number): Promise<void> {
  const manifest = JSON.parse(await readFile(path, 'utf8')) as {
    recipes?: Record<string, Record<string, unknown>>;
  };
  const recipes = manifest.recipes ?? { isolated: { preset: 'isolated' }, static: {} };
  recipes[name] = { ...(recipes[name] ?? { preset: 'auto' }), margin };
  const text = `${JSON.stringify({ ...manifest, recipes }, null, 2)}\n`;
  parseManifest(text, path);
  await writeWhole(path, Buffer.from(text));
}

async function calibrate(named: string, options: CalibrateOptions, command: Command): Promise<void> {
  const { batchSize, data, write = false } = options;
  const config = loadConfig(options);
  const size = { ...(options.size && { size: options.size }) };
  const output = { ...(options.output !== undefined && { output: options.output }) };
  const found = await withEngine({ device: 'cpu', threads: config.threads }, async (engine) => {
    const model = await findEvaluatedModel(named, { models: config.models, ...size, ...output }, engine);
    if (write && !model.hasLabels) {
      command.error(
        `error: --write: ${named} is a file; name a model of the repository, which has a manifest`,
      );
    }
    for (const guess of model.guesses) process.stderr.write(`dent: ${named}: ${guess}\n`);
    const { name, recipe } = recipeToCalibrate(model, options.recipe);
    const gaps = await measureGaps(engine, model, recipe.prior, options);
    return { model, name, batches: gaps.length, ...calibrationOf(gaps) };
  });
  const { model, name, batches, gap, margin } = found;
  if (write) await writeMargin(model.manifestPath, name, margin);
  const text = options.json
    ? JSON.stringify({ model: model.name, data, batchSize, batches, recipe: name, gap, margin }, null, 2)
    : [
        `margin ${margin} nats, from ${batches} batches of ${batchSize} images`,
        `On them the blend is less sure by ${gap.mean.toFixed(4)} nats, give or take ${gap.deviation.toFixed(4)}.`,
        write
          ? `${model.manifestPath}: the recipe "${name}" has it now.`
          : `Write it into a recipe of model.json: "${name}": { "preset": "auto", "margin": ${margin} }`,
      ].join('\n');
  process.stdout.write(`${text}\n`);
}

/** `dent calibrate`: from which gap on a batch looks shifted. */
export function calibrateCommand(): Command {
  const command = new Command('calibrate')
    .description(
      'Find the margin of statistics auto from images that are as they should be: it lies just below the gap between blend and source that such images have. Labels are not needed.',
    )
    .argument('<model>', 'a model of the repository, or an ONNX file')
    .requiredOption('--data <dir>', 'a folder of clean images, with the folders in it')
    .option('--batch-size <n>', 'rows of a batch, as they will be served', wholeNumber(2, 1_000_000), 128)
    .option('--recipe <name>', "a recipe of the model (default: its first with statistics auto, or 'auto')")
    .option('--write', "put the margin into the recipe in the model's manifest")
    .option('--json', 'print one JSON object');
  addSettingOption(command, 'models', '--models <dir>', 'the model repository (default: models)');
  addSettingOption(command, 'threads', '--threads <n>', 'cores to use (default: all)');
  return addOutputOption(addSizeOption(command, '224')).action(calibrate);
}

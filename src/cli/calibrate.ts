import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { type Config, loadConfig } from '../config.ts';
import { isChosen, PRESETS, RECIPE_FIELDS, type Recipe } from '../dent/index.ts';
import type { AdaptedRows, Engine } from '../engine/index.ts';
import { InputError } from '../errors.ts';
import { createRandom } from '../evaluation/index.ts';
import { entropyNats, softmax } from '../inference/index.ts';
import { DEFAULT_RECIPES, parseManifest, rowShape } from '../models/index.ts';
import { rows as rowsOf } from '../tensor.ts';
import { type Calibration, type CleanBatch, type CleanBatches, calibrationOf, mean } from './calibration.ts';
import { type EvaluatedModel, findEvaluatedModel } from './evaluated-model.ts';
import { createGraphFolder } from './graph-folder.ts';
import { listImages, readImages } from './image-folder.ts';
import { addOutputOption, addSizeOption, readModelFile, type SizeOption } from './model-file.ts';
import { createProgress } from './progress.ts';
import { addCommonOptions } from './setting-options.ts';
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

/** Fewer images make batches that are all alike. */
const BATCHES_MIN = 2;

/** How many batches of each size are drawn. The deviation of so many is good to an eighth. */
const FULL_BATCHES = 32;
const SMALL_BATCHES = 64;

/** The second size, from which the divergence of any other follows. */
const smallOf = (batchSize: number): number => Math.max(2, Math.floor(batchSize / 8));

/**
 * The blend at any divergence and however unsure: its entropy, the model's own logits, and the divergence.
 */
const BOTH = { ...PRESETS.auto, divergence: 0, margin: RECIPE_FIELDS.margin.max };

function batchOf({ staticLogits, entropy, divergence }: AdaptedRows): CleanBatch {
  const count = staticLogits.dims[0]!;
  const before = Array.from({ length: count }, (_, row) =>
    entropyNats(softmax(rowsOf(staticLogits, row, row + 1).data)),
  );
  return { gap: mean([...entropy.data]) - mean(before), divergence: divergence!.data[0]! };
}

const isUsable = ({ gap, divergence }: CleanBatch): boolean =>
  Number.isFinite(gap) && Number.isFinite(divergence) && divergence > 0;

async function openGraphs(engine: Engine, model: EvaluatedModel) {
  const { input, output } = model.manifest;
  const file = await readModelFile(model.versions[0]!.modelPath);
  const graphs = await createGraphFolder(engine, file, {
    imageShape: rowShape(input),
    device: 'cpu',
    precision: 'fp32',
    ...(output !== undefined && { output }),
  });
  return { graphs, sha256: createHash('sha256').update(file.bytes).digest('hex') };
}

/**
 * Measures clean batches of two sizes. Their images are drawn with replacement, always the same ones: batches
 * that share no image would be few, and would not tell how much batches differ.
 */
async function measureBatches(
  engine: Engine,
  model: EvaluatedModel,
  prior: number,
  { data, batchSize }: CalibrateOptions,
) {
  const files = await listImages(data);
  if (files.length < BATCHES_MIN * batchSize) {
    throw new InputError(
      `${data}: there are ${files.length} images, and batches of ${batchSize} need ${BATCHES_MIN * batchSize}; give more images, or a smaller --batch-size.`,
    );
  }
  const { graphs, sha256 } = await openGraphs(engine, model);
  const [few, all] = [smallOf(batchSize) * SMALL_BATCHES, batchSize * FULL_BATCHES];
  const progress = createProgress(few + all, 'images');
  const random = createRandom(0, 'calibrate');
  let done = 0;
  try {
    const graph = await graphs.open({ ...BOTH, prior });
    const draw = async (rows: number, count: number): Promise<CleanBatches> => {
      const batches: CleanBatch[] = [];
      for (let i = 0; i < count; i++) {
        const part = Array.from({ length: rows }, () => files[random.below(files.length)]!);
        const images = await readImages(part, model.manifest.input, loadConfig({}).maxPixels);
        batches.push(batchOf(await graph.run(images, 0)));
        done += rows;
        progress.update(done);
      }
      if (batches.every(isUsable)) return { rows, batches };
      throw new InputError(
        `${model.versions[0]!.modelPath}: the model gives no finite answer for some of the images of ${data}; mend them, or input.scale, mean and std of its manifest.`,
      );
    };
    const small = await draw(smallOf(batchSize), SMALL_BATCHES);
    return { sha256, small, full: await draw(batchSize, FULL_BATCHES) };
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
    `--recipe: the recipe "${name}" has statistics "${recipe.statistics}"; a calibration is for statistics "auto".`,
  );
}

/**
 * Puts the calibration into the recipe of the manifest, and the hash of the model's file beside it. Leaves
 * everything else as it is.
 */
async function writeCalibration(
  path: string,
  name: string,
  calibration: Calibration,
  sha256: string,
): Promise<void> {
  const manifest = JSON.parse(await readFile(path, 'utf8')) as {
    recipes?: typeof DEFAULT_RECIPES;
    calibrated?: Record<string, string>;
  };
  const written = manifest.recipes ?? DEFAULT_RECIPES;
  const recipes = { ...written, [name]: { ...(written[name] ?? { preset: 'auto' }), ...calibration } };
  const calibrated = { ...manifest.calibrated, [name]: sha256 };
  const text = `${JSON.stringify({ ...manifest, recipes, calibrated }, null, 2)}\n`;
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
    return { model, name, ...(await measureBatches(engine, model, recipe.prior, options)) };
  });
  const { model, name, small, full, sha256 } = found;
  const calibration = calibrationOf(small, full);
  if (write) await writeCalibration(model.manifestPath, name, calibration, sha256);
  const { margin, divergence, divergenceRows } = calibration;
  const text = options.json
    ? JSON.stringify({ model: model.name, data, batchSize, recipe: name, ...calibration, sha256 }, null, 2)
    : [
        `A batch looks shifted from ${divergence} · (1 + ${divergenceRows} / rows) nats of divergence on,`,
        `and gets the blend where that makes the model less sure by less than ${margin} nats.`,
        `Clean batches stay within both limits. Measured on ${full.batches.length} batches of ${full.rows} images and ${small.batches.length} of ${small.rows}.`,
        write
          ? `${model.manifestPath}: the recipe "${name}" has it now.`
          : `Write it into a recipe of model.json: "${name}": ${JSON.stringify({ preset: 'auto', ...calibration })}`,
      ].join('\n');
  process.stdout.write(`${text}\n`);
}

/** `dent calibrate`: from when on a batch looks shifted. */
export function calibrateCommand(): Command {
  const command = new Command('calibrate')
    .description(
      'Find the limits of statistics auto (margin and divergence): batches of clean images stay within them. The images need no labels. Take images that the model was not trained on.',
    )
    .argument('<model>', 'a model of the repository, or an ONNX file')
    .requiredOption('--data <dir>', 'a folder of clean images, with the folders in it')
    .option('--batch-size <n>', 'rows of a full batch, as it will be served', wholeNumber(4, 1_000_000), 128)
    .option('--recipe <name>', "a recipe of the model (default: its first with statistics auto, or 'auto')")
    .option('--write', "put them into the recipe in the model's manifest")
    .option('--json', 'print one JSON object');
  addCommonOptions(command, 'models', 'threads');
  return addOutputOption(addSizeOption(command, '224')).action(calibrate);
}

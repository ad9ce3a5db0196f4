import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { type Config, loadConfig } from '../config.ts';
import { compile } from '../dent/index.ts';
import { createAdaptation, type Engine } from '../engine/index.ts';
import { InputError, ServiceError } from '../errors.ts';
import { createImageDecoder } from '../images/index.ts';
import { chooseRecipe, type DecodedImage, predictBatch } from '../inference/index.ts';
import type { Prediction } from '../inference/inference.ts';
import { createArtifactCache, type FoundModel, listRepository, readVersion } from '../models/index.ts';
import { fileError } from './file-error.ts';
import { insteadOfFolders } from './image-folder.ts';
import { createProgress } from './progress.ts';
import { addCommonOptions } from './setting-options.ts';
import { formatTable } from './table.ts';
import { wholeNumber } from './whole-number.ts';
import { withEngine } from './with-engine.ts';

interface PredictOptions extends Partial<Pick<Config, 'models' | 'threads' | 'cacheDir'>> {
  readonly model?: string;
  readonly recipe?: string;
  readonly topK: number;
  readonly json?: boolean;
}

/**
 * The requested model with only its largest version and the requested recipe: nothing else needs to be
 * compiled.
 */
async function findModel(config: Config, options: PredictOptions): Promise<FoundModel & { recipe: string }> {
  const { folders } = await listRepository(config.models);
  const name = options.model ?? config.defaultModel ?? folders[0]!.name;
  const folder = folders.find((each) => each.name === name);
  if (folder === undefined) {
    const names = folders.map((each) => each.name).join(', ');
    throw new InputError(`${config.models}: there is no model "${name}"; the models are ${names}.`);
  }
  const model = await folder.read();
  const recipe = chooseRecipe(model, options.recipe);
  const recipes = { [recipe]: model.manifest.recipes[recipe]! };
  return { ...model, manifest: { ...model.manifest, recipes }, versions: model.versions.slice(-1), recipe };
}

/** The image of each file, or the error that the service would give for it. */
async function decodeFiles(
  files: readonly string[],
  { manifest }: FoundModel,
  maxPixels: number,
): Promise<(DecodedImage | Error)[]> {
  const decoder = createImageDecoder({ maxPixels });
  const images: (DecodedImage | Error)[] = [];
  for (const file of files) {
    const started = performance.now();
    try {
      const data = await decoder.decode(await readFile(file), manifest.input);
      images.push({ row: { type: 'uint8', data }, decodeMs: performance.now() - started });
    } catch (error) {
      const { message } = error as Error;
      images.push(
        error instanceof ServiceError
          ? new InputError(`${file}: ${message}`)
          : fileError(file, 'read', error),
      );
    }
  }
  return images;
}

/** The result for each file, in batches as large as the model's manifest allows. */
async function predictFiles(
  engine: Engine,
  files: readonly string[],
  model: FoundModel & { readonly recipe: string },
  { cacheDir, maxPixels }: Config,
  topK: number,
): Promise<(Prediction | Error)[]> {
  const { maxBatchSize } = model.manifest.batching;
  const progress = createProgress(files.length, 'images');
  try {
    const cache = createArtifactCache({ compile, runner: engine }, { dir: cacheDir, device: 'cpu' });
    const [found] = model.versions;
    if (found!.fault) throw found!.fault;
    const { open } = await readVersion({ adaptation: createAdaptation(engine), cache }, model, found!);
    const version = await open();
    const outcomes: (Prediction | Error)[] = [];
    for (let start = 0; start < files.length; start += maxBatchSize) {
      const images = await decodeFiles(files.slice(start, start + maxBatchSize), model, maxPixels);
      const good = images.filter((image) => !(image instanceof Error)) as DecodedImage[];
      const onProgress = (done: number): void => progress.update(start + done);
      const answers = [...(await predictBatch(good, { version, recipe: model.recipe, topK, onProgress }))];
      outcomes.push(...images.map((image) => (image instanceof Error ? image : answers.shift()!)));
    }
    return outcomes;
  } finally {
    progress.stop();
  }
}

const percent = (probability: number): string => `${(100 * probability).toFixed(1)} %`;

function printTable(predicted: readonly (readonly [string, Prediction])[]): void {
  if (predicted.length === 0) return;
  const rows = predicted.map(([file, { predictions, static: asItIs, adaptation }]) => [
    file,
    predictions.map(({ label, probability }) => `${label} ${percent(probability)}`).join(', '),
    `${asItIs.label} ${percent(asItIs.probability)}`,
    adaptation.applied,
    `${adaptation.entropy_before.toFixed(3)} → ${adaptation.entropy_after.toFixed(3)}`,
  ]);
  const heading = ['image', 'adapted', 'model as it is', 'recipe', 'entropy (nats)'];
  process.stdout.write(formatTable([heading, ...rows]));
}

function printJson(files: readonly string[], outcomes: readonly (Prediction | Error)[]): void {
  const objects = outcomes.map((outcome, i) => ({
    file: files[i],
    ...(outcome instanceof Error ? { error: outcome.message } : outcome),
  }));
  process.stdout.write(`${JSON.stringify(objects, null, 2)}\n`);
}

async function predict(paths: readonly string[], options: PredictOptions): Promise<void> {
  const config = loadConfig(options);
  const files = await insteadOfFolders(paths);
  const model = await findModel(config, options);
  const topK = Math.min(options.topK, model.manifest.labels.length);
  const outcomes = await withEngine({ device: 'cpu', threads: config.threads }, (engine) =>
    predictFiles(engine, files, model, config, topK),
  );
  if (options.json) printJson(files, outcomes);
  else printTable(outcomes.flatMap((o, i) => (o instanceof Error ? [] : [[files[i]!, o] as const])));
  for (const outcome of outcomes) {
    if (!(outcome instanceof Error)) continue;
    process.stderr.write(`dent: ${outcome.message}\n`);
    process.exitCode = 1;
  }
}

/** `dent predict`: labels for image files. */
export function predictCommand(): Command {
  const command = new Command('predict')
    .description('Predict image files with a model of the repository, in as few batches as the model allows.')
    .argument('<image...>', 'JPEG, PNG, WebP or AVIF files, or folders that hold some')
    .option('--model <name>', "a model of the repository (default: the repository's)")
    .option('--recipe <name>', "a recipe of the model (default: the model's)")
    .option('--top-k <n>', 'classes to show', wholeNumber(1, 1_000_000), 3);
  addCommonOptions(command, 'models', 'threads', 'cacheDir');
  return command.option('--json', 'print a JSON array with an object for each image').action(predict);
}

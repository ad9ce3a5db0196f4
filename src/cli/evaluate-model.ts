import type { Command } from 'commander';
import { type Config, loadConfig } from '../config.ts';
import { compile, type Recipe } from '../dent/index.ts';
import { createAdaptation, type Device, type Engine } from '../engine/index.ts';
import { InputError } from '../errors.ts';
import {
  type Arena,
  checkImages,
  chooseImages,
  createExampleKeeper,
  createPace,
  createReport,
  type Example,
  findImages,
  type LabelledFile,
  type Means,
  measure,
  openArena,
  type Plan,
  piecesOf,
  type Report,
  readBatch,
  type ServedRecipe,
  serveRecipe,
  stepVariants,
} from '../evaluation/index.ts';
import { createImageDecoder } from '../images/index.ts';
import { createArtifactCache, readVersion, rowShape, type ServingVersion } from '../models/index.ts';
import { elementCount } from '../tensor.ts';
import { type AttackOptions, attackLimits, fullCurves, planCurves } from './evaluate-attacks.ts';
import { chooseRecipes, type EvaluatedModel, findEvaluatedModel } from './evaluated-model.ts';
import { readModelFile, type SizeOption } from './model-file.ts';
import { createProgress, createWorkProgress } from './progress.ts';
import { type BatchSaver, createBatchSaver } from './saved-batches.ts';

export interface EvaluateOptions
  extends SizeOption,
    AttackOptions,
    Partial<Pick<Config, 'models' | 'threads' | 'cacheDir'>> {
  readonly data: string;
  readonly device: Device;
  readonly recipes?: readonly string[];
  readonly shifts: readonly string[];
  readonly images?: number;
  readonly batchSize: number;
  readonly seed: number;
  readonly output?: string;
  readonly save?: string;
}

export interface Evaluated {
  readonly report: Report;
  readonly examples: readonly Example[];
  readonly labels: readonly string[];
}

const note = (line: string): void => void process.stderr.write(`dent: ${line}\n`);

type Decoder = ReturnType<typeof createImageDecoder>;

/** The images that are measured, all of which can be read, and what the classes are called. */
async function chooseFiles(
  model: EvaluatedModel,
  decoder: Decoder,
  { data, seed, images }: EvaluateOptions,
): Promise<{ files: LabelledFile[]; labels: readonly string[] }> {
  const { labels: own, input } = model.manifest;
  const classes = { labels: model.hasLabels ? own : undefined, classes: own.length };
  const { files: all, names: labels, notes } = await findImages(data, classes);
  for (const line of notes) note(line);
  const files = chooseImages(all, seed, images);
  if (images !== undefined && images > all.length) note(`${data} holds ${all.length} images; all are taken.`);
  const progress = createProgress(files.length, 'images read');
  try {
    await checkImages(decoder, files, input, progress.update);
  } finally {
    progress.stop();
  }
  return { files, labels };
}

/** Shows what is being done, and how long all of it will take. */
function createMeasureProgress(pieces: ReturnType<typeof piecesOf>): Means['progress'] & { stop(): void } {
  const pace = createPace(pieces);
  const bar = createWorkProgress();
  let doing = '';
  const show = (): void => bar.update(doing, pace.done, pace.secondsLeft);
  const every = setInterval(show, 500);
  return {
    begin(what) {
      doing = what;
      pace.begin();
      show();
    },
    share: pace.share,
    end: pace.end,
    stop() {
      clearInterval(every);
      bar.stop();
    },
  };
}

/** The model with other recipes. */
const withRecipes = (model: EvaluatedModel, recipes: Readonly<Record<string, Recipe>>): EvaluatedModel => ({
  ...model,
  manifest: { ...model.manifest, recipes },
});

/** The version of the model with the recipes that are to be measured, and no others. */
async function openVersion(
  engine: Engine,
  model: EvaluatedModel,
  { cacheDir }: Config,
  device: Device,
): Promise<ServingVersion> {
  const cache = createArtifactCache(
    { compile, runner: engine },
    { dir: cacheDir, device, fillsBatches: engine.fillsBatches },
  );
  const read = await readVersion({ adaptation: createAdaptation(engine), cache }, model, model.versions[0]!);
  const version = await read.open();
  await version.warm();
  return version;
}

async function openAttacked(
  engine: Engine,
  { name, manifest, versions }: EvaluatedModel,
  served: readonly ServedRecipe[],
  options: EvaluateOptions,
): Promise<Arena> {
  const { bytes } = await readModelFile(versions[0]!.modelPath);
  const { input, output } = manifest;
  const source = { name, bytes, input, ...(output !== undefined && { output }) };
  return openArena(engine, source, served, { ...attackLimits(options), seed: options.seed });
}

/** The model with the recipes that are asked for alone. */
async function readModel(
  engine: Engine,
  named: string,
  options: EvaluateOptions,
  command: Command,
): Promise<EvaluatedModel> {
  const { models } = loadConfig(options);
  const found = await findEvaluatedModel(named, { ...options, models }, engine);
  const { recipes, unknown } = chooseRecipes(found, options.recipes);
  if (unknown.length > 0) {
    command.error(
      `error: --recipes: there is no recipe ${unknown.join(', ')}; the model's own are ${Object.keys(found.manifest.recipes).join(', ')}, beside the presets`,
    );
  }
  for (const guess of found.guesses) note(`guessed, as the file does not say it: ${guess}`);
  const { maxBatchSize } = found.manifest.batching;
  if (options.batchSize > maxBatchSize) {
    note(
      `--batch-size ${options.batchSize} is more than the ${maxBatchSize} rows that the server would put into a batch (maxBatchSize).`,
    );
  }
  return withRecipes(found, recipes);
}

interface Opened {
  readonly model: EvaluatedModel;
  readonly recipes: readonly ServedRecipe[];
  readonly arena: Arena | undefined;
  readonly saver: BatchSaver | undefined;
  readonly decoder: Decoder;
}

async function measureOpened(
  { model, recipes, arena, saver, decoder }: Opened,
  plan: Plan,
  signal: AbortSignal,
) {
  const keeper = createExampleKeeper();
  const { stop, ...progress } = createMeasureProgress(piecesOf(plan, recipes));
  try {
    const measurement = await measure(plan, {
      recipes,
      readBatch: (files) => readBatch(decoder, files, model.manifest.input),
      scene(...of) {
        if (arena === undefined) throw new Error('There are no attacks. This is a bug.');
        return arena.scene(...of);
      },
      progress,
      async onServed(event) {
        keeper.see(event);
        await saver?.save(event);
      },
      signal,
    });
    await saver?.finish();
    return { measurement, examples: keeper.examples };
  } finally {
    stop();
  }
}

/** Measures a model. Ctrl-C ends it early, with what was done. */
export async function evaluateModel(
  engine: Engine,
  named: string,
  options: EvaluateOptions,
  command: Command,
): Promise<Evaluated> {
  const config = loadConfig(options);
  const model = await readModel(engine, named, options, command);
  const decoder = createImageDecoder({ maxPixels: config.maxPixels });
  const { files, labels } = await chooseFiles(model, decoder, options);
  const { batchSize, seed, shifts, attacks, device, data, save } = options;
  const { recipes: chosen, input } = model.manifest;
  const variants = fullCurves(options).includes('steps') ? stepVariants(chosen) : {};
  const version = await openVersion(engine, withRecipes(model, { ...chosen, ...variants }), config, device);
  const served = Object.keys(version.manifest.recipes).map((name) => serveRecipe(version, name));
  const recipes = served.filter(({ name }) => Object.hasOwn(chosen, name));
  const curves = planCurves(options, chosen, elementCount(rowShape(input)));
  const arena = curves.curves.length === 0 ? undefined : await openAttacked(engine, model, served, options);
  const saver = save === undefined ? undefined : await createBatchSaver(save, version, Object.keys(chosen));
  const ended = new AbortController();
  const end = (): void => ended.abort(new InputError('It was ended early.'));
  process.once('SIGINT', end).once('SIGTERM', end);
  try {
    const { ball, budget } = attackLimits(options);
    const plan = { files, batchSize, seed, shifts, attacks, budget, curves };
    const opened = { model, recipes, arena, saver, decoder };
    const { measurement, examples } = await measureOpened(opened, plan, ended.signal);
    const head = {
      ...{ model: named, data, batchSize, seed, device },
      ...(arena && { ...ball, budget }),
      ...(arena && arena.notes.length > 0 && { notes: arena.notes }),
      ...(ended.signal.aborted && { partial: true as const }),
    };
    return { report: createReport(head, measurement), examples, labels };
  } finally {
    process.off('SIGINT', end).off('SIGTERM', end);
    // The engine is gone where it was ended early, and its graphs with it; what is on disk is to go too.
    await arena?.release().catch(() => {});
  }
}

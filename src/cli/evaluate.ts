import { Command, InvalidArgumentError } from 'commander';
import { type Config, loadConfig } from '../config.ts';
import { compile } from '../dent/index.ts';
import { createAdaptation, type Device, type Engine } from '../engine/index.ts';
import { InputError } from '../errors.ts';
import {
  checkImages,
  chooseImages,
  createExampleKeeper,
  createPace,
  createReport,
  type Example,
  findImages,
  htmlPage,
  type LabelledFile,
  type Means,
  type Measurement,
  measure,
  type Plan,
  piecesOf,
  type Report,
  readBatch,
  type ServedRecipe,
  serveRecipe,
  shiftNames,
} from '../evaluation/index.ts';
import { createImageDecoder, type ImageDecoder } from '../images/index.ts';
import { createArtifactCache, readVersion, type ServingVersion } from '../models/index.ts';
import { addEngineOptions } from './engine-options.ts';
import { chooseRecipes, type EvaluatedModel, findEvaluatedModel } from './evaluated-model.ts';
import { evaluationText } from './evaluation-table.ts';
import { addOutputOption, addSizeOption, type SizeOption } from './model-file.ts';
import { createProgress, createWorkProgress } from './progress.ts';
import { addSettingOption } from './setting-options.ts';
import { wholeNumber } from './whole-number.ts';
import { withEngine } from './with-engine.ts';
import { checkWritable, writeWhole } from './write-file.ts';

interface EvaluateOptions extends SizeOption, Partial<Pick<Config, 'models' | 'threads' | 'cacheDir'>> {
  readonly data: string;
  readonly device: Device;
  readonly recipes?: readonly string[];
  readonly shifts: readonly string[];
  readonly images?: number;
  readonly batchSize: number;
  readonly seed: number;
  readonly output?: string;
  readonly json?: boolean;
  readonly html?: string;
}

const note = (line: string): void => void process.stderr.write(`dent: ${line}\n`);

/** The images that are measured, all of which can be read. */
async function chooseFiles(
  model: EvaluatedModel,
  decoder: ImageDecoder,
  { data, seed, images }: EvaluateOptions,
): Promise<{ chosen: LabelledFile[]; labels: readonly string[] }> {
  const { labels: own, input } = model.manifest;
  const classes = { labels: model.hasLabels ? own : undefined, classes: own.length };
  const { files, names: labels, notes } = await findImages(data, classes);
  for (const line of notes) note(line);
  const chosen = chooseImages(files, seed, images);
  if (images !== undefined && images > files.length)
    note(`${data} holds ${files.length} images; all are taken.`);
  const progress = createProgress(chosen.length, 'images read');
  try {
    await checkImages(decoder, chosen, input, progress.update);
  } finally {
    progress.stop();
  }
  return { chosen, labels };
}

interface Subject {
  readonly model: EvaluatedModel;
  readonly version: ServingVersion;
  readonly decoder: ImageDecoder;
}

async function measureOn(
  { model, version, decoder }: Subject,
  plan: Plan,
  { onServed, signal }: Pick<Means, 'onServed' | 'signal'>,
): Promise<Measurement> {
  const recipes: ServedRecipe[] = Object.keys(version.manifest.recipes).map((name) =>
    serveRecipe(version, name),
  );
  const pace = createPace(piecesOf(plan, recipes));
  const bar = createWorkProgress();
  let doing = '';
  const show = (): void => bar.update(doing, pace.done, pace.secondsLeft);
  const every = setInterval(show, 500);
  try {
    return await measure(plan, {
      recipes,
      readBatch: (files) => readBatch(decoder, files, model.manifest.input),
      scene: () => {
        throw new Error('There are no attacks. This is a bug.');
      },
      progress: {
        begin(what) {
          doing = what;
          pace.begin();
          show();
        },
        share: pace.share,
        end: pace.end,
      },
      onServed,
      signal,
    });
  } finally {
    clearInterval(every);
    bar.stop();
  }
}

/** The version of the model with the recipes that are to be measured, and no others. */
async function openVersion(
  engine: Engine,
  model: EvaluatedModel,
  { cacheDir }: Config,
  device: Device,
): Promise<ServingVersion> {
  const cache = createArtifactCache({ compile, runner: engine }, { dir: cacheDir, device });
  const read = await readVersion({ adaptation: createAdaptation(engine), cache }, model, model.versions[0]!);
  const version = await read.open();
  await version.warm();
  return version;
}

interface Evaluated {
  readonly report: Report;
  readonly examples: readonly Example[];
  readonly labels: readonly string[];
}

async function evaluateModel(
  engine: Engine,
  named: string,
  options: EvaluateOptions,
  command: Command,
): Promise<Evaluated> {
  const config = loadConfig(options);
  const found = await findEvaluatedModel(named, { ...options, models: config.models }, engine);
  const { recipes, unknown } = chooseRecipes(found, options.recipes);
  if (unknown.length > 0) {
    command.error(
      `error: --recipes: there is no recipe ${unknown.join(', ')}; the model's own are ${Object.keys(found.manifest.recipes).join(', ')}, beside the presets`,
    );
  }
  for (const guess of found.guesses) note(`guessed, as the file does not say it: ${guess}`);
  const model = { ...found, manifest: { ...found.manifest, recipes } };
  const decoder = createImageDecoder({ maxPixels: config.maxPixels });
  const { chosen: files, labels } = await chooseFiles(model, decoder, options);
  const { batchSize, seed, shifts, device } = options;
  const version = await openVersion(engine, model, config, device);
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort(new InputError('It was ended early.'));
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    const plan = { files, batchSize, seed, shifts, attacks: {} };
    const keeper = createExampleKeeper();
    const means = { onServed: keeper.see, signal: interrupted.signal };
    const measurement = await measureOn({ model, version, decoder }, plan, means);
    const partial = interrupted.signal.aborted ? { partial: true as const } : {};
    const head = { model: named, data: options.data, batchSize, seed, device, ...partial };
    const report = createReport(head, measurement);
    return { report, examples: keeper.examples, labels };
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

/** Resolves when the text has left the process, which may end next. */
const print = (text: string): Promise<void> =>
  new Promise((resolve) => process.stdout.write(text, () => resolve()));

async function evaluate(named: string, options: EvaluateOptions, command: Command): Promise<void> {
  const { threads } = loadConfig(options);
  const { html } = options;
  if (html !== undefined) await checkWritable(html);
  await withEngine({ device: options.device, threads }, async (engine) => {
    const { report, ...parts } = await evaluateModel(engine, named, options, command);
    // Within, because an interrupted command ends with its engine.
    if (html !== undefined)
      await writeWhole(html, Buffer.from(await htmlPage(report, { ...parts, attacks: {} })));
    await print(options.json ? `${JSON.stringify(report, null, 2)}\n` : evaluationText(report));
  });
}

const list = (text: string): string[] => text.split(',').map((part) => part.trim());

function parseShifts(text: string): string[] {
  try {
    return shiftNames(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

/** `dent evaluate`: what recipes are worth on labelled images. */
export function evaluateCommand(): Command {
  const command = new Command('evaluate')
    .description(
      'Measure what recipes are worth on labelled images: as they are, and under natural shifts. Each recipe runs on the same batches, as the server would run it.',
    )
    .argument('<model>', 'a model of the repository, or an ONNX file')
    .requiredOption(
      '--data <dir>',
      'a folder that holds a folder of images for each class, named by its label or index',
    )
    .option(
      '--recipes <list>',
      "presets or recipes of the model (default: the model's); static is always among them",
      list,
    )
    .option('--shifts <list>', 'none, all (the eight), common, or names such as noise,fog-3', parseShifts, [])
    .option('--images <n>', 'take so many, by chance (default: all)', wholeNumber(1, 10_000_000))
    .option('--batch-size <n>', 'images adapted together', wholeNumber(1, 1_000_000), 128)
    .option('--seed <n>', 'what chance decides by', wholeNumber(0, 2 ** 32 - 1), 0);
  addSettingOption(command, 'models', '--models <dir>', 'the model repository (default: models)');
  addSettingOption(command, 'cacheDir', '--cache-dir <dir>', 'where compiled models are kept');
  addSizeOption(addOutputOption(addEngineOptions(command)), '224');
  return command
    .option('--html <file>', 'write a report with plots, as one HTML file')
    .option('--json', 'print one JSON object')
    .action(evaluate);
}

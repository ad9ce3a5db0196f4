import { Command, InvalidArgumentError } from 'commander';
import { loadConfig } from '../config.ts';
import { appliedRecipe, RECIPE_FIELDS, type Recipe, stopsRows, updatesMade } from '../dent/index.ts';
import type { AdaptedRows, Engine } from '../engine/index.ts';
import { InputError } from '../errors.ts';
import { elementCount, float32, type Tensor } from '../tensor.ts';
import { addEngineOptions, type EngineOptions, engineOptions } from './engine-options.ts';
import { createGraphFolder, type GraphFolder, type OpenGraph } from './graph-folder.ts';
import { listImages, readImages } from './image-folder.ts';
import { inputSpecOf } from './input-spec.ts';
import {
  addOutputOption,
  addSizeOption,
  COMMON_SIZE,
  compilerHints,
  type ModelFile,
  readModelFile,
  type SizeOption,
} from './model-file.ts';
import { createProgress } from './progress.ts';
import { addRecipeOptions, recipeFromOptions } from './recipe-options.ts';
import { formatTable } from './table.ts';
import { wholeNumber } from './whole-number.ts';
import { withEngine } from './with-engine.ts';

interface BenchOptions extends EngineOptions, SizeOption, Readonly<Record<string, unknown>> {
  readonly batchSize: number;
  readonly steps: readonly number[];
  readonly repeats: number;
  readonly data?: string;
  readonly output?: string;
  readonly json?: boolean;
}

interface BenchRow {
  readonly steps: number;
  readonly seconds: number;
  /** Relative to the seconds of no steps. */
  readonly multiple: number;
  readonly imagesPerSecond: number;
  /** Updates that a row made, the mean; where rows stop by themselves. */
  readonly meanSteps?: number;
}

/** Step counts in ascending order. 0 is among them, because the multiples refer to it. */
function parseSteps(text: string): number[] {
  const { min, max } = RECIPE_FIELDS.steps as { min: number; max: number };
  const counts = text.split(',').map((part) => (/^\d+$/.test(part) ? Number(part) : Number.NaN));
  if (counts.every((count) => count >= min && count <= max)) {
    return [...new Set([0, ...counts])].sort((a, b) => a - b);
  }
  throw new InvalidArgumentError(`It must be whole numbers from ${min} to ${max} with commas between.`);
}

function randomImages({ imageShape }: OpenGraph, { batchSize }: BenchOptions): Tensor<'float32'> {
  const dims = [batchSize, ...imageShape];
  return float32(dims, Float32Array.from({ length: elementCount(dims) }, Math.random));
}

/** As many images of a folder as a batch has, as the model takes them. */
async function realImages(
  engine: Engine,
  model: ModelFile,
  data: string,
  { batchSize, size = COMMON_SIZE, output }: BenchOptions,
): Promise<Tensor<'float32'>> {
  const files = await listImages(data);
  if (files.length < batchSize) {
    throw new InputError(
      `${data}: there are ${files.length} images in it, fewer than a batch has; name a --batch-size of at most ${files.length}.`,
    );
  }
  const input = await inputSpecOf(engine, model, compilerHints(size, output));
  return readImages(files.slice(0, batchSize), input, loadConfig({}).maxPixels);
}

/** The mean of the updates that the rows made. */
function meanSteps({ entropy }: AdaptedRows, recipe: Recipe, classes: number): number {
  const [lines, rows] = entropy.dims as [number, number];
  const trace = (row: number) =>
    Float32Array.from({ length: lines }, (_, line) => entropy.data[line * rows + row]!);
  const made = Array.from({ length: rows }, (_, row) => updatesMade(trace(row), recipe, classes));
  return made.reduce((sum, steps) => sum + steps, 0) / rows;
}

/**
 * The runner of each step count. As on the server, zero steps are the plain forward pass, not a loop without
 * trips.
 */
async function openGraphs(
  graphs: GraphFolder,
  recipe: Recipe,
  counts: readonly number[],
): Promise<(steps: number) => OpenGraph> {
  const plain = await graphs.open({ ...recipe, steps: 0 });
  const most = counts.at(-1)!;
  const adaptive = most === 0 ? plain : await graphs.open({ ...recipe, steps: most });
  return (steps) => (steps === 0 ? plain : adaptive);
}

/** The middle value, or the mean of the middle two. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2;
}

interface Measured {
  /** The median. */
  readonly seconds: number;
  readonly answer: AdaptedRows;
}

/** How long one batch takes, and what is answered, by step count. */
async function measure(
  graphOf: (steps: number) => OpenGraph,
  images: Tensor<'float32'>,
  { steps: counts, repeats }: BenchOptions,
): Promise<Map<number, Measured>> {
  // The first run of a graph allocates what the later ones reuse; one update touches every node.
  const warmUp = [...new Set(counts.map((steps) => Math.min(steps, 1)))];
  // Every second round goes backwards, so that a drift favours no step count.
  const rounds = Array.from({ length: repeats }, (_, i) => (i % 2 === 0 ? counts : counts.toReversed()));
  const runs = [...warmUp, ...rounds.flat()];
  const passes = runs.reduce((sum, steps) => sum + steps + 1, 0);
  const progress = createProgress(passes, 'passes');
  const seconds = new Map(counts.map((steps): [number, number[]] => [steps, []]));
  const answers = new Map<number, AdaptedRows>();
  let done = 0;
  try {
    for (const [i, steps] of runs.entries()) {
      const began = performance.now();
      answers.set(steps, await graphOf(steps).run(images, steps));
      if (i >= warmUp.length) seconds.get(steps)!.push((performance.now() - began) / 1000);
      done += steps + 1;
      progress.update(done);
    }
  } finally {
    progress.stop();
  }
  return new Map(
    Array.from(seconds, ([steps, values]) => [
      steps,
      { seconds: median(values), answer: answers.get(steps)! },
    ]),
  );
}

async function benchModel(
  engine: Engine,
  model: ModelFile,
  recipe: Recipe,
  options: BenchOptions,
): Promise<BenchRow[]> {
  const { device, precision, size = COMMON_SIZE, output } = options;
  const graphs = await createGraphFolder(engine, model, {
    ...compilerHints(size, output),
    device,
    precision,
  });
  try {
    const graphOf = await openGraphs(graphs, recipe, options.steps);
    const images = options.data
      ? await realImages(engine, model, options.data, options)
      : randomImages(graphOf(0), options);
    const measured = await measure(graphOf, images, options);
    const reference = measured.get(0)!.seconds;
    return Array.from(measured, ([steps, { seconds, answer }]) => ({
      steps,
      seconds,
      multiple: seconds / reference,
      imagesPerSecond: options.batchSize / seconds,
      ...(stopsRows(recipe) && { meanSteps: meanSteps(answer, recipe, graphOf(steps).classes) }),
    }));
  } finally {
    await graphs.remove();
  }
}

function table(rows: readonly BenchRow[]): string {
  const cells = rows.map(({ steps, seconds, multiple, imagesPerSecond, meanSteps: made }) => [
    String(steps),
    seconds.toPrecision(4),
    multiple.toFixed(1),
    imagesPerSecond.toPrecision(4),
    ...(made === undefined ? [] : [made.toFixed(2)]),
  ]);
  const heading = ['steps', 'seconds', 'multiple', 'images/s'];
  return formatTable([rows[0]!.meanSteps === undefined ? heading : [...heading, 'steps made'], ...cells]);
}

async function bench(modelPath: string, options: BenchOptions, command: Command): Promise<void> {
  const { batchSize, repeats, json, data } = options;
  const most = options.steps.at(-1)!;
  const recipe = recipeFromOptions({ ...options, steps: most });
  const { name: applied } = appliedRecipe('', recipe, batchSize);
  if (applied !== '') {
    command.error(
      `error: --batch-size ${batchSize} is too small for the recipe, so the server would apply "${applied}"; with --small adapt it is measured all the same`,
    );
  }
  if (stopsRows(recipe) && options.data === undefined) {
    process.stderr.write(
      'dent: rows of this recipe stop by themselves, and random pixels do not tell when; --data names a folder of images.\n',
    );
  }
  const model = await readModelFile(modelPath);
  const engine = engineOptions(options);
  const rows = await withEngine(engine, (running) => benchModel(running, model, recipe, options));
  const { steps: _, ...settings } = recipe;
  if (json) {
    const { device, threads } = engine;
    const answer = {
      model: modelPath,
      device,
      threads,
      batchSize,
      ...(data && { data }),
      recipe: settings,
      rows,
    };
    process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
    return;
  }
  process.stdout.write(
    `${modelPath} on ${engine.device}, threads ${engine.threads}, batch size ${batchSize}, recipe ${options.recipe}${data ? `, images of ${data}` : ''}, median of ${repeats}\n\n${table(rows)}`,
  );
}

/** `dent bench`: what adaptation costs on this machine, as in the paper's Table 14. */
export function benchCommand(): Command {
  const command = new Command('bench')
    .description(
      'Measure what adaptation costs on this machine: the median seconds that a batch takes, by the number of steps. The batch holds random pixels, or your images, and runs as in the server.',
    )
    .argument('<model.onnx>', 'an image classifier')
    .option('--batch-size <n>', 'rows adapted together', wholeNumber(1, 1_000_000), 128)
    .option('--steps <list>', 'step counts; 0 is always among them', parseSteps, [0, 1, 5, 10, 20, 30])
    .option('--data <dir>', 'a folder of images to take instead of random pixels, with the folders in it')
    .option('--repeats <n>', 'runs of each step count, of which the median counts', wholeNumber(1, 1000), 3)
    .option('--json', 'print one JSON object');
  return addRecipeOptions(addSizeOption(addOutputOption(addEngineOptions(command)), '224'), 'steps').action(
    bench,
  );
}

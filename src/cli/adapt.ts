import { resolve } from 'node:path';
import { Command } from 'commander';
import type { Recipe } from '../dent/index.ts';
import type { Engine } from '../engine/index.ts';
import { InputError } from '../errors.ts';
import { type Adaptation, adaptBatches, type Fallback } from './adapt-batches.ts';
import { addEngineOptions, type EngineOptions, engineOptions } from './engine-options.ts';
import { createGraphFolder, type OpenGraph } from './graph-folder.ts';
import { addModelOutputOption, type ModelFile, readModelFile } from './model-file.ts';
import { encodeNpy, type NpyFile, openNpy } from './npy.ts';
import { createProgress } from './progress.ts';
import { addRecipeOptions, recipeFromOptions } from './recipe-options.ts';
import { wholeNumber } from './whole-number.ts';
import { withEngine } from './with-engine.ts';
import { checkWritable, writeWhole } from './write-file.ts';

interface AdaptOptions extends EngineOptions, Readonly<Record<string, unknown>> {
  readonly input: string;
  readonly output: string;
  readonly entropy?: string;
  readonly modelOutput?: string;
  readonly batchSize: number;
  readonly json?: boolean;
}

const list = (sizes: readonly (number | string)[]): string => `[${sizes.join(', ')}]`;

/** The rows' [C, H, W]. Throws `InputError` where the array is no batch of images. */
function imageShapeOf({ shape }: NpyFile, path: string): [number, number, number] {
  if (shape.length === 4 && !shape.includes(0)) return shape.slice(1) as [number, number, number];
  throw new InputError(
    `${path}: the array has the shape ${list(shape)}; images are [N, C, H, W], none of them 0.`,
  );
}

function checkShape({ shape }: NpyFile, path: string, graph: OpenGraph, model: ModelFile): void {
  if (graph.imageShape.every((size, axis) => size === -1 || size === shape[axis + 1])) return;
  const taken = ['N', ...graph.imageShape.map((size) => (size === -1 ? 'any' : size))];
  throw new InputError(
    `${path}: the array has the shape ${list(shape)}; the model ${model.path} takes ${list(taken)}.`,
  );
}

/** Bytes are unnormalised pixels. Only a model that normalises inside can use them. */
function checkBytes({ bytes }: NpyFile, path: string, { reading }: OpenGraph, model: ModelFile): void {
  if (!bytes || reading.input.type === 'uint8') return;
  throw new InputError(
    `${path}: the array holds bytes (uint8); the model ${model.path} takes ${reading.input.type}. Normalise the pixels as it wants them, and save them as float32.`,
  );
}

async function adaptFile(
  engine: Engine,
  model: ModelFile,
  recipe: Recipe,
  { input: path, batchSize, device, precision, modelOutput }: AdaptOptions,
): Promise<Adaptation> {
  const input = await openNpy(path);
  try {
    const imageShape = imageShapeOf(input, path);
    const graphs = await createGraphFolder(engine, model, {
      imageShape,
      device,
      precision,
      ...(modelOutput !== undefined && { output: modelOutput }),
    });
    const rows = input.shape[0]!;
    const progress = createProgress(rows, 'rows');
    try {
      const graph = await graphs.open(recipe);
      checkShape(input, path, graph, model);
      checkBytes(input, path, graph, model);
      return await adaptBatches(
        { graph, open: graphs.open, readRows: input.readRows },
        { rows, batchSize, onProgress: progress.update },
      );
    } finally {
      progress.stop();
      await graphs.remove();
    }
  } finally {
    await input.close();
  }
}

const REASONS: Readonly<Record<Fallback['reason'], string>> = {
  small_batch: 'in a batch too small for the recipe',
  nonfinite: 'whose adaptation diverged',
};

function summaryLines({ logits, seconds, fallbacks, ...means }: Adaptation, output: string): string[] {
  const { entropyBefore, entropyAfter, labelChanges, meanSteps, rowsSkipped, rowsStopped } = means;
  const rows = new Map<string, number>();
  for (const { applied, reason, rows: count } of fallbacks) {
    const why = `got ${applied}: ${REASONS[reason]}`;
    rows.set(why, (rows.get(why) ?? 0) + count);
  }
  return [
    `${output}: logits ${list(logits.dims)} in ${seconds.toFixed(2)} s`,
    `mean entropy ${entropyBefore.toFixed(3)} → ${entropyAfter.toFixed(3)} nats, labels changed: ${labelChanges}`,
    ...(rowsSkipped + rowsStopped > 0
      ? [
          `${meanSteps.toFixed(2)} steps for each row: ${rowsSkipped} rows needed none, ${rowsStopped} stopped early`,
        ]
      : []),
    ...Array.from(rows, ([why, count]) => `${count} of ${logits.dims[0]} rows ${why}`),
  ];
}

async function adapt(modelPath: string, options: AdaptOptions, command: Command): Promise<void> {
  const { output, entropy } = options;
  if (entropy !== undefined && resolve(entropy) === resolve(output)) {
    command.error('error: --output and --entropy name the same file');
  }
  const recipe = recipeFromOptions(options);
  const outputs = entropy === undefined ? [output] : [output, entropy];
  for (const path of outputs) await checkWritable(path);
  const model = await readModelFile(modelPath);
  const done = await withEngine(engineOptions(options), (engine) =>
    adaptFile(engine, model, recipe, options),
  );
  await writeWhole(output, encodeNpy(done.logits));
  if (entropy !== undefined) await writeWhole(entropy, encodeNpy(done.entropy));
  const { logits, entropy: _, batches, ...summary } = done;
  const [rows, classes] = logits.dims;
  const text = options.json
    ? JSON.stringify({ model: modelPath, rows, classes, batches, recipe, ...summary }, null, 2)
    : summaryLines(done, output).join('\n');
  process.stdout.write(`${text}\n`);
}

/** `dent adapt`: adapts a model to images in a file and predicts them. */
export function adaptCommand(): Command {
  const command = new Command('adapt')
    .description(
      'Adapt a model to the images of a NumPy file, batch by batch, and write its predictions. A batch too small for its recipe is treated as --small says.',
    )
    .argument('<model.onnx>', 'an image classifier')
    .requiredOption(
      '--input <x.npy>',
      'images as the model takes them, float32 or float64 [N, C, H, W], or uint8 where it takes bytes',
    )
    .requiredOption('--output <y.npy>', 'where the logits go, float32 [N, K]')
    .option('--entropy <e.npy>', 'where the entropy of each row goes, in nats, float32 [steps + 1, N]')
    .option('--batch-size <n>', 'rows adapted together', wholeNumber(1, 1_000_000), 128)
    .option('--json', 'print a summary as one JSON object');
  return addRecipeOptions(addModelOutputOption(addEngineOptions(command))).action(adapt);
}

import { appliedRecipe, type Recipe, stoppedBy } from '../dent/index.ts';
import { entropyNats, sliceAnswer, softmax, topClass } from '../inference/index.ts';
import { float32, type Tensor } from '../tensor.ts';
import type { OpenGraph } from './graph-folder.ts';

/** Rows that were not adapted as requested. */
export interface Fallback {
  /** Counted from 0. */
  readonly batch: number;
  readonly rows: number;
  /** The preset that was applied instead. */
  readonly applied: string;
  /** The batch was too small for its recipe, or adaptation ended in values that are no numbers. */
  readonly reason: 'small_batch' | 'nonfinite';
}

export interface Adaptation {
  /** [N, K]. */
  readonly logits: Tensor<'float32'>;
  /** In nats, [steps + 1, N]. */
  readonly entropy: Tensor<'float32'>;
  readonly batches: number;
  /** The engine's time, without compiling and reading. */
  readonly seconds: number;
  /** Mean row entropy of the unadapted model, and after the last update, in nats. */
  readonly entropyBefore: number;
  readonly entropyAfter: number;
  /** Rows whose most probable class differs from the one without adaptation. */
  readonly labelChanges: number;
  /** Updates that a row made, the mean over all rows. */
  readonly meanSteps: number;
  /** Rows that made none, being sure as they were, and rows that made fewer than their recipe has. */
  readonly rowsSkipped: number;
  readonly rowsStopped: number;
  readonly fallbacks: readonly Fallback[];
}

export interface AdaptBatchesDeps {
  /** The graph of the requested recipe. */
  readonly graph: OpenGraph;
  /** Opens the graph of a recipe that replaces it. */
  readonly open: (recipe: Recipe) => Promise<OpenGraph>;
  readonly readRows: (from: number, to: number) => Promise<Tensor<'float32'>>;
}

export interface AdaptBatchesOptions {
  readonly rows: number;
  readonly batchSize: number;
  readonly onProgress: (rowsDone: number) => void;
}

type Applied = ReturnType<typeof appliedRecipe>;

/** Where the results of all batches gather. */
class Results {
  readonly logits: Tensor<'float32'>;
  readonly entropy: Tensor<'float32'>;
  entropyBefore = 0;
  entropyAfter = 0;
  labelChanges = 0;
  /** Updates that all rows together made. */
  steps = 0;
  rowsSkipped = 0;
  rowsStopped = 0;

  constructor(rows: number, classes: number, steps: number) {
    // Values that are never written stay NaN: an image without numbers has no prediction.
    this.logits = float32([rows, classes], new Float32Array(rows * classes).fill(Number.NaN));
    this.entropy = float32([steps + 1, rows], new Float32Array((steps + 1) * rows).fill(Number.NaN));
  }

  /** Adds what row `row` of all was answered where `applied` was run. */
  add(row: number, answer: ReturnType<typeof sliceAnswer>, applied: Applied): void {
    const rows = this.logits.dims[0]!;
    if (answer instanceof Error) {
      this.entropyBefore = Number.NaN;
      this.entropyAfter = Number.NaN;
      return;
    }
    const { logits, staticLogits, entropy, steps } = answer;
    this.logits.data.set(logits, row * logits.length);
    this.#addTrace(row, entropy);
    this.entropyBefore += entropyNats(softmax(staticLogits)) / rows;
    this.entropyAfter += entropy.at(-1)! / rows;
    if (topClass(logits) !== topClass(staticLogits)) this.labelChanges += 1;
    this.steps += steps;
    const reason = answer.applied === applied.name ? stoppedBy(steps, applied.recipe) : undefined;
    if (reason === 'gate') this.rowsSkipped += 1;
    if (reason === 'floor') this.rowsStopped += 1;
  }

  /**
   * A replacing recipe may take more or fewer steps than the requested one. The last line is always that of
   * the prediction. A shorter trace repeats its end.
   */
  #addTrace(row: number, trace: Float32Array): void {
    const [lines, rows] = this.entropy.dims as [number, number];
    const last = trace.length - 1;
    for (let line = 0; line < lines; line++) {
      const from = line === lines - 1 ? last : Math.min(line, last);
      this.entropy.data[line * rows + row] = trace[from]!;
    }
  }
}

/**
 * Adapts to all rows in batches, the last of which may be smaller, as the server would. A batch too small for
 * its recipe runs under the preset that replaces it. The unadapted model answers a row whose adaptation
 * diverged.
 */
export async function adaptBatches(
  { graph, open, readRows }: AdaptBatchesDeps,
  { rows, batchSize, onProgress }: AdaptBatchesOptions,
): Promise<Adaptation> {
  const asked = graph.recipe;
  const results = new Results(rows, graph.classes, asked.steps);
  const fallbacks: Fallback[] = [];
  let standIn: OpenGraph | undefined;
  const batches = Math.ceil(rows / batchSize);
  let seconds = 0;
  for (let batch = 0; batch < batches; batch++) {
    const start = batch * batchSize;
    const input = await readRows(start, Math.min(start + batchSize, rows));
    const size = input.dims[0]!;
    const applied = appliedRecipe('', asked, size);
    const { name, recipe } = applied;
    const isAsked = recipe === asked;
    if (!isAsked) standIn ??= await open(recipe);
    const { run } = isAsked ? graph : standIn!;
    const began = performance.now();
    const result = await run(input, recipe.steps, (done) => onProgress(start + done));
    seconds += (performance.now() - began) / 1000;
    if (!isAsked) fallbacks.push({ batch, rows: size, applied: name, reason: 'small_batch' });
    const answers = Array.from({ length: size }, (_, row) => sliceAnswer(result, row, applied));
    for (const [row, answer] of answers.entries()) results.add(start + row, answer, applied);
    const diverged = answers.filter((answer) => answer instanceof Error || answer.applied !== name).length;
    if (diverged > 0) fallbacks.push({ batch, rows: diverged, applied: 'static', reason: 'nonfinite' });
  }
  const { steps, ...found } = results;
  return { ...found, meanSteps: steps / rows, batches, seconds, fallbacks };
}

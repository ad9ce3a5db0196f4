import type { RowAnswer, RowPayload } from '../batching/batch-queue.ts';
import { appliedRecipe, type Recipe, updatesMade } from '../dent/index.ts';
import type { AdaptedRows, OnProgress } from '../engine/adaptation/adaptation.ts';
import { ServiceError } from '../errors.ts';
import { toRow } from '../images/index.ts';
import { rowShape, type ServingVersion } from '../models/index.ts';
import { inSpan } from '../spans.ts';
import { allFinite, elementCount, float32, rows as rowsOf, type Tensor } from '../tensor.ts';
import type { InferenceObserver } from './observer.ts';
import { entropyNats, softmax, topClass } from './probabilities.ts';

/** The rows as the model's input, [N, C, H, W]. */
function assemble(version: ServingVersion, payloads: readonly RowPayload[]): Tensor<'float32'> {
  const { input } = version.manifest;
  const dims = [payloads.length, ...rowShape(input)];
  const batch = float32(dims, new Float32Array(elementCount(dims)));
  const rowSize = batch.data.length / payloads.length;
  for (const [i, { data }] of payloads.entries()) {
    if (data instanceof Uint8Array) toRow(data, input, batch.data, i * rowSize);
    else batch.data.set(data, i * rowSize);
  }
  return batch;
}

/** What is applied to a batch, and the name that answers give it. */
export interface Applied {
  readonly name: string;
  readonly recipe: Recipe;
}

const NO_FINITE_ANSWER = 'The model gives no finite answer for this image.';

/** The values of row `row` in a [steps + 1, N, ...] trace, line after line. */
function column({ dims, data }: Tensor<'float32'>, row: number): Float32Array {
  const [lines, count, ...inner] = dims as [number, number, ...number[]];
  const size = elementCount(inner);
  const place = (i: number) => (Math.floor(i / size) * count + row) * size + (i % size);
  return Float32Array.from({ length: lines * size }, (_, i) => data[place(i)]!);
}

/**
 * One row of the engine's answer under the recipe `applied`, copied so that no answer keeps its whole batch
 * in memory. Its steps are the updates that the row has made. A row whose adaptation diverged gets the
 * unadapted model's answer. Where even that is not finite, it gets an error.
 */
export function sliceAnswer(result: AdaptedRows, row: number, applied: Applied): RowAnswer | ServiceError {
  const logits = rowsOf(result.logits, row, row + 1).data.slice();
  const staticLogits = rowsOf(result.staticLogits, row, row + 1).data.slice();
  const entropy = column(result.entropy, row);
  if (allFinite(logits) && allFinite(entropy)) {
    const steps = updatesMade(entropy, applied.recipe, logits.length);
    const top = result.top && { top: column(result.top, row) };
    return { logits, staticLogits, entropy, ...top, applied: applied.name, steps };
  }
  if (allFinite(staticLogits)) {
    const probabilities = softmax(staticLogits);
    const best = topClass(staticLogits);
    return {
      logits: staticLogits,
      staticLogits,
      entropy: Float32Array.of(entropyNats(probabilities)),
      top: Float32Array.of(best, probabilities[best]!),
      applied: 'static',
      steps: 0,
    };
  }
  return new ServiceError('internal', NO_FINITE_ANSWER);
}

/** Pixels are always valid, but numbers that a caller sends may not be. */
const blame = (answer: RowAnswer | ServiceError, { type }: RowPayload): RowAnswer | ServiceError =>
  answer instanceof ServiceError && type === 'float32'
    ? new ServiceError('invalid_request', NO_FINITE_ANSWER)
    : answer;

/**
 * What was applied where the graph chooses a batch's statistics. A recipe that does more than that, by
 * updates or by smoothing, keeps its name: it is neither of the two presets.
 */
function chosenRecipe(applied: Applied, { blended }: AdaptedRows): Applied {
  const { steps, sigma } = applied.recipe;
  if (blended === undefined || steps > 0 || sigma !== 'off') return applied;
  return { ...applied, name: blended.data[0] === 1 ? 'blend' : 'static' };
}

/** Seconds since the last call, or since it was made, or since the last `restart`. */
function createStopwatch() {
  let last = performance.now();
  return {
    restart(): void {
      last = performance.now();
    },
    seconds(): number {
      const from = last;
      last = performance.now();
      return (last - from) / 1000;
    },
  };
}

export interface RunRowsDeps {
  readonly observer?: InferenceObserver | undefined;
  readonly onProgress?: OnProgress;
}

/** What became of the rows of a batch, in order, and the recipe that was applied to them. */
export interface RanRows {
  readonly answers: readonly (RowAnswer | Error)[];
  readonly applied: Applied;
}

/**
 * Adapts `version` to the rows under the recipe `name` and answers each. A batch too small for its recipe
 * runs under the preset that replaces it. The unadapted model answers a row whose adaptation diverged. A
 * recipe may choose the statistics of each batch. In all three cases `applied` says so.
 */
export async function runRows(
  { observer, onProgress }: RunRowsDeps,
  version: ServingVersion,
  name: string,
  payloads: readonly RowPayload[],
): Promise<RanRows> {
  const count = payloads.length;
  const asked = version.manifest.recipes[name] as Recipe;
  const planned = appliedRecipe(name, asked, count);
  const labels = { model: `${version.name}:${version.version}`, recipe: name };
  const { steps } = planned.recipe;
  const stopwatch = createStopwatch();
  const batch = assemble(version, payloads);
  observer?.preprocessed(stopwatch.seconds());
  let begun = false;
  const progress: OnProgress = (rowsDone, pid) => {
    // The engine may have had another batch until now.
    if (!begun) stopwatch.restart();
    begun = true;
    onProgress?.(rowsDone, pid);
  };
  const result = await inSpan('adapt', { 'dent.recipe.applied': planned.name, 'dent.steps': steps }, () =>
    version.run(planned.recipe, batch, progress),
  );
  observer?.adapted({ ...labels, steps, seconds: stopwatch.seconds() });
  const applied = chosenRecipe(planned, result);
  const answers = payloads.map((payload, row) => blame(sliceAnswer(result, row, applied), payload));
  observer?.postprocessed(stopwatch.seconds());
  if (applied.recipe !== asked) observer?.fellBack({ ...labels, reason: 'small_batch', rows: count });
  const diverged = answers.filter((answer) => !(answer instanceof Error) && answer.applied !== applied.name);
  if (diverged.length > 0) observer?.fellBack({ ...labels, reason: 'nonfinite', rows: diverged.length });
  return { answers, applied };
}

import { float32, rows, type Tensor } from '../tensor.ts';
import type { AdaptedRows } from './engine.ts';

/**
 * Cuts a batch [N, ...] into parts of at most `largest` rows whose sizes differ by one at most: as many for each of the
 * `processes` as for the next, where the rows suffice. The parts are views.
 */
export function cutBatch(batch: Tensor<'float32'>, largest: number, processes: number): Tensor<'float32'>[] {
  const size = batch.dims[0]!;
  const rounds = Math.ceil(size / (largest * processes));
  const count = Math.min(rounds * processes, size);
  const start = (part: number) => Math.floor((part * size) / count);
  return Array.from({ length: count }, (_, part) => rows(batch, start(part), start(part + 1)));
}

/** [n1, ...], [n2, ...], ... to [n1 + n2 + ..., ...]. */
export function joinRows(parts: readonly Tensor<'float32'>[]): Tensor<'float32'> {
  const size = parts.reduce((sum, { dims }) => sum + dims[0]!, 0);
  const joined = new Float32Array(parts.reduce((sum, { data }) => sum + data.length, 0));
  let offset = 0;
  for (const { data } of parts) {
    joined.set(data, offset);
    offset += data.length;
  }
  return float32([size, ...parts[0]!.dims.slice(1)], joined);
}

/** [k, n1], [k, n2], ... to [k, n1 + n2 + ...]. */
function joinColumns(parts: readonly Tensor<'float32'>[]): Tensor<'float32'> {
  const height = parts[0]!.dims[0]!;
  const width = parts.reduce((sum, { dims }) => sum + dims[1]!, 0);
  const joined = new Float32Array(height * width);
  let left = 0;
  for (const { data, dims } of parts) {
    const columns = dims[1]!;
    for (let line = 0; line < height; line++) {
      joined.set(data.subarray(line * columns, (line + 1) * columns), line * width + left);
    }
    left += columns;
  }
  return float32([height, width], joined);
}

/** One sigma for each row is joined; one for all rows ([1]) is the same in each part. */
function joinSigma(answers: readonly AdaptedRows[]): Tensor<'float32'> | undefined {
  const sigmas = answers.flatMap(({ sigma }) => sigma ?? []);
  const perRow = sigmas.every(({ dims }, part) => dims[0] === answers[part]!.logits.dims[0]);
  return perRow && sigmas.length > 0 ? joinRows(sigmas) : sigmas[0];
}

/** The answer for a batch from the answers for its parts, in their order. */
export function joinAnswers(answers: readonly AdaptedRows[]): AdaptedRows {
  if (answers.length === 1) return answers[0]!;
  const sigma = joinSigma(answers);
  return {
    logits: joinRows(answers.map(({ logits }) => logits)),
    staticLogits: joinRows(answers.map(({ staticLogits }) => staticLogits)),
    entropy: joinColumns(answers.map(({ entropy }) => entropy)),
    ...(sigma && { sigma }),
  };
}

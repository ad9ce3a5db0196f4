import type { OpenGraph, Tensors } from '../engine/engine.ts';
import {
  elementCount,
  joinRows,
  rows as rowsOf,
  type Tensor,
  type TensorType,
  takeAlong,
} from '../tensor.ts';

/**
 * Feeds of which every one that has as many rows as there are is cut; a parameter for all rows goes with each
 * part as it is.
 */
export interface RowFeeds {
  readonly count: number;
  readonly tensors: Tensors;
}

/** The rows `indices` of a tensor, copied. */
export const takeRows = <T extends TensorType>(tensor: Tensor<T>, indices: readonly number[]): Tensor<T> =>
  takeAlong(tensor, 0, indices);

/** Writes the rows of `from` over the rows `indices` of `into`. */
export function putRows(into: Tensor<'float32'>, indices: readonly number[], from: Tensor<'float32'>): void {
  const size = elementCount(into.dims.slice(1));
  indices.forEach((to, row) => {
    into.data.set(from.data.subarray(row * size, (row + 1) * size), to * size);
  });
}

export interface RowRun {
  /** The outputs to return; the first axis of each is that of the rows. */
  readonly fetches: readonly string[];
  readonly rowsPerRun: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs `graph` on parts of at most `rowsPerRun` rows, as many at a time as the engine has processes, and puts
 * the outputs in order.
 */
export async function runRows(
  graph: OpenGraph,
  { count, tensors }: RowFeeds,
  { fetches, rowsPerRun, signal }: RowRun,
): Promise<Record<string, Tensor>> {
  const parts = Math.max(1, Math.ceil(count / rowsPerRun));
  const start = (part: number) => Math.floor((part * count) / parts);
  const options = { fetches, ...(signal !== undefined && { signal }) };
  const runs = Array.from({ length: parts }, async (_, part) => {
    const cut = (tensor: Tensor) =>
      tensor.dims[0] === count ? rowsOf(tensor, start(part), start(part + 1)) : tensor;
    const feeds = Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, cut(tensor)]));
    return (await graph.run(feeds, options)).outputs;
  });
  const outputs = await Promise.all(runs);
  return Object.fromEntries(fetches.map((name) => [name, joinRows(outputs.map((each) => each[name]!))]));
}

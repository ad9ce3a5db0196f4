import { elementCount, float32, rows, type Tensor, zeros } from '../tensor.ts';
import type { Cut, Filling, Join } from './engine.ts';

/**
 * Cuts rows [N, ...] into parts of at most `largest` rows whose sizes differ by one at most. Each of the
 * `processes` gets the same number of parts, where there are enough rows. The parts are views.
 */
export function cutRows(all: Tensor<'float32'>, largest: number, processes: number): Tensor<'float32'>[] {
  const size = all.dims[0]!;
  const rounds = Math.ceil(size / (largest * processes));
  const count = Math.min(rounds * processes, size);
  const start = (part: number) => Math.floor((part * size) / count);
  return Array.from({ length: count }, (_, part) => rows(all, start(part), start(part + 1)));
}

/**
 * Cuts rows [N, ...] into parts that get smaller: each is one process's share of what is left, but of
 * `smallest` to `largest` rows. Where rows take different times, the `processes` then end at about the same
 * time. The parts are views.
 */
export function cutShrinking(
  all: Tensor<'float32'>,
  { largest, smallest }: { readonly largest: number; readonly smallest: number },
  processes: number,
): Tensor<'float32'>[] {
  const size = all.dims[0]!;
  const parts: Tensor<'float32'>[] = [];
  for (let start = 0, end: number; start < size; start = end) {
    const share = Math.ceil((size - start) / (processes * smallest)) * smallest;
    end = Math.min(size, start + Math.min(largest, share));
    parts.push(rows(all, start, end));
  }
  return parts;
}

/** [n1, ...], [n2, ...], ... to [n1 + n2 + ..., ...]. */
function joinRows(parts: readonly Tensor[]): Tensor {
  const size = parts.reduce((sum, { dims }) => sum + dims[0]!, 0);
  const { type, dims } = parts[0]!;
  const whole = [size, ...dims.slice(1)];
  // Arrays of all element types have the methods used here.
  const joined = zeros(type, elementCount(whole)) as Float32Array;
  let offset = 0;
  for (const part of parts) {
    joined.set(part.data as Float32Array, offset);
    offset += part.data.length;
  }
  return { type, dims: whole, data: joined } as Tensor;
}

/** [k, n1, ...], [k, n2, ...], ... to [k, n1 + n2 + ..., ...]. */
function joinColumns(parts: readonly Tensor<'float32'>[]): Tensor<'float32'> {
  const [height, , ...inner] = parts[0]!.dims as [number, number, ...number[]];
  const count = parts.reduce((sum, { dims }) => sum + dims[1]!, 0);
  const width = elementCount([count, ...inner]);
  const joined = new Float32Array(height * width);
  let left = 0;
  for (const { data, dims } of parts) {
    const columns = elementCount(dims.slice(1));
    for (let line = 0; line < height; line++) {
      joined.set(data.subarray(line * columns, (line + 1) * columns), line * width + left);
    }
    left += columns;
  }
  return float32([height, count, ...inner], joined);
}

/** The sum of all parts, element by element, in float64. */
function sumUp(parts: readonly Tensor[]): Tensor<'float64'> {
  const { dims } = parts[0]!;
  const total = new Float64Array(elementCount(dims));
  for (const { data } of parts) for (let i = 0; i < total.length; i++) total[i]! += Number(data[i]!);
  return { type: 'float64', dims, data: total };
}

const JOINS: { readonly [K in Join]: (parts: readonly Tensor[]) => Tensor } = {
  rows: joinRows,
  columns: (parts) => joinColumns(parts as readonly Tensor<'float32'>[]),
  sum: sumUp,
  same: ([first]) => first!,
};

/** The outputs for all rows, from the outputs for their parts in order. */
export function joinOutputs(
  parts: readonly Readonly<Record<string, Tensor>>[],
  join: Cut['join'],
): Record<string, Tensor> {
  const whole = (name: string) => {
    const values = parts.map((outputs) => outputs[name]!);
    const how = join[name];
    if (how === undefined) throw new Error(`Nothing says how "${name}" is joined. This is a bug.`);
    // A sum of one part must be float64 too, as callers expect.
    return values.length === 1 && how !== 'sum' ? values[0]! : JOINS[how](values);
  };
  return Object.fromEntries(Object.keys(parts[0]!).map((name) => [name, whole(name)]));
}

/** [k, n, ...] to [k, count, ...]. */
function firstColumns({ dims, data }: Tensor<'float32'>, count: number): Tensor<'float32'> {
  const [height, columns, ...inner] = dims as [number, number, ...number[]];
  const [width, size] = [elementCount([columns, ...inner]), elementCount([count, ...inner])];
  const first = new Float32Array(height * size);
  for (let line = 0; line < height; line++) {
    first.set(data.subarray(line * width, line * width + size), line * size);
  }
  return float32([height, count, ...inner], first);
}

/** The outputs for the rows that were there before a feed was filled up. */
export function firstRows(
  outputs: Readonly<Record<string, Tensor>>,
  { from, join }: Pick<Filling, 'from' | 'join'>,
): Record<string, Tensor> {
  const first = ([name, tensor]: [string, Tensor]): [string, Tensor] => {
    if (join[name] === 'rows') return [name, rows(tensor, 0, from)];
    return [name, join[name] === 'columns' ? firstColumns(tensor as Tensor<'float32'>, from) : tensor];
  };
  return Object.fromEntries(Object.entries(outputs).map(first));
}

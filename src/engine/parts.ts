import { elementCount, float32, joinRows, rows, type Tensor, takeAlong } from '../tensor.ts';
import type { Cut, Filling, Join } from './engine.ts';

/**
 * Cuts rows [N, ...] into parts of at most `largest` rows whose sizes differ by one at most. Each of the
 * `processes` gets the same number of parts, where there are enough rows. The parts are views.
 */
export function cutRows(all: Tensor<'float32'>, largest: number, processes: number): Tensor<'float32'>[] {
  const size = all.dims[0]!;
  const count = partsOf(size, largest, processes);
  const start = (part: number) => Math.floor((part * size) / count);
  return Array.from({ length: count }, (_, part) => rows(all, start(part), start(part + 1)));
}

function partsOf(size: number, largest: number, processes: number): number {
  const rounds = Math.ceil(size / (largest * processes));
  return Math.min(rounds * processes, size);
}

/**
 * As many parts as `cutRows` makes, but the rows are dealt to them one by one, like cards. Where rows take
 * different times, and neighbours are alike, each part then gets its share of slow ones. The parts are
 * copies.
 */
export function dealRows(all: Tensor<'float32'>, largest: number, processes: number): Tensor<'float32'>[] {
  const size = all.dims[0]!;
  const count = partsOf(size, largest, processes);
  return Array.from({ length: count }, (_, part) => takeAlong(all, 0, dealtTo(part, count, size)));
}

/** The numbers of the rows that part `part` of `count` is dealt. */
const dealtTo = (part: number, count: number, size: number): number[] =>
  Array.from({ length: Math.ceil((size - part) / count) }, (_, i) => part + i * count);

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

/** The axis of an output that goes over the rows, where one does. */
const ROW_AXES: { readonly [K in Join]?: number } = { rows: 0, columns: 1 };

/** Of each output that has rows, those that `indices` names of so many. */
function takeOutputs(
  outputs: Readonly<Record<string, Tensor>>,
  join: Cut['join'],
  indices: (size: number) => readonly number[],
): Record<string, Tensor> {
  const take = ([name, tensor]: [string, Tensor]): [string, Tensor] => {
    const axis = ROW_AXES[join[name]!];
    return [name, axis === undefined ? tensor : takeAlong(tensor, axis, indices(tensor.dims[axis]!))];
  };
  return Object.fromEntries(Object.entries(outputs).map(take));
}

/** Puts outputs of `count` parts, joined, into the order that their rows had before they were dealt. */
export function inDealtOrder(
  outputs: Readonly<Record<string, Tensor>>,
  join: Cut['join'],
  count: number,
): Record<string, Tensor> {
  return takeOutputs(outputs, join, (size) => {
    const dealt = Array.from({ length: count }, (_, part) => dealtTo(part, count, size)).flat();
    const places = new Array<number>(size);
    for (const [place, row] of dealt.entries()) places[row] = place;
    return places;
  });
}

/** The outputs for the rows that were there before a feed was filled up. */
export function firstRows(
  outputs: Readonly<Record<string, Tensor>>,
  { from, join }: Pick<Filling, 'from' | 'join'>,
): Record<string, Tensor> {
  return takeOutputs(outputs, join, () => Array.from({ length: from }, (_, row) => row));
}

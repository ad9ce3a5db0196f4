import type { Dim, GraphBuilder, Value } from '../onnx/index.ts';
import { BATCH } from './batch-axis.ts';

/** How the rows that still go are cut into parts. */
export interface GoingParts {
  /** How many parts: an int64 scalar. */
  readonly trips: Value;
  /** One of them, in the graph `part`; `index` is an int64 scalar. */
  readonly at: (part: GraphBuilder, index: Value) => GoingPart;
  /** What the parts gave, joined, for each row that goes. */
  readonly joined: (value: Value) => Value;
}

export interface GoingPart {
  /** What the part's rows have of `value`, [rows that go, ...sizes]. */
  readonly take: (value: Value, ...sizes: readonly Dim[]) => Value;
  /** Which of its rows are no repetitions, bool. Absent: none is. */
  readonly counts?: Value;
}

/** Parts of `size` rows; the last one may have fewer. `n` rows go, an int64 scalar. */
export function partsOf(body: GraphBuilder, n: Value, size: number): GoingParts {
  return {
    trips: body.op('Div', [body.op('Add', [n, body.int(size - 1)]), body.int(size)]),
    at(part, index) {
      const from = part.op('Mul', [part.op('Unsqueeze', [index, part.ints([0])]), part.ints([size])]);
      const to = part.op('Add', [from, part.ints([size])]);
      // Slice stops at the last row by itself, so the last part may be smaller.
      return {
        take: (value, ...sizes) =>
          part.op('Slice', [value, from, to, part.ints([0])], { shape: [BATCH, ...sizes] }),
      };
    },
    joined: (value) => value,
  };
}

/**
 * Parts that all have the same number of rows, whatever number goes: `largest`, or the whole batch of `rows`
 * (int64 scalar) where that is less. The first row that goes fills up the last part.
 */
export function evenPartsOf(body: GraphBuilder, n: Value, largest: number, rows: Value): GoingParts {
  const size = body.op('Min', [rows, body.int(largest)]);
  const rest = body.op('Sub', [size, body.int(1)]);
  return {
    trips: body.op('Div', [body.op('Add', [n, rest]), size]),
    at(part, index) {
      const places = part.op('Range', [part.int(0), size, part.int(1)]);
      const numbers = part.op('Add', [places, part.op('Mul', [index, size])]);
      const counts = part.op('Less', [numbers, n]);
      const taken = part.op('Where', [counts, numbers, part.int(0)]);
      return {
        counts,
        take: (value, ...sizes) => part.op('Gather', [value, taken], { shape: [BATCH, ...sizes] }),
      };
    },
    joined: (value) =>
      body.op('Slice', [value, body.ints([0]), body.op('Unsqueeze', [n, body.ints([0])]), body.ints([0])]),
  };
}

import type { Tensor } from '../../tensor.ts';
import type { Cut, OpenGraph, Tensors } from '../engine.ts';
import { cutRows, dealRows, inDealtOrder, joinOutputs } from '../parts.ts';

/** The place of a batch among others. */
export interface Turn {
  /** When it was given to the engine, by `performance.now()`. A later batch gets what is idle meanwhile. */
  readonly sinceMs: number;
  /** Hears when a process begins some of the rows. */
  readonly onBegin: (pid: number) => void;
}

export interface PartsOptions extends Cut, Turn {
  /** The most rows to send to one process at a time. It runs them in parts of `rowsPerRun`. */
  readonly rowsPerMessage: number;
  /** Whether some rows take longer than others. */
  readonly uneven: boolean;
  readonly signal: AbortSignal;
  /** Hears how many rows each process has done, as it does them. */
  readonly onRows: (rows: number, pid: number) => void;
}

/** Runs a graph on `feeds` and `rows` over as many processes as may take part, and joins their outputs. */
export async function runInParts(
  graph: OpenGraph,
  feeds: Tensors,
  rows: Tensor<'float32'>,
  { feed, rowsPerRun, join, rowsPerMessage, uneven, onRows, ...how }: PartsOptions,
): Promise<Readonly<Record<string, Tensor>>> {
  const cut = { feed, rowsPerRun, join };
  const messages = (uneven ? dealRows : cutRows)(rows, rowsPerMessage, graph.width);
  const runs = messages.map(async (part) => {
    const size = part.dims[0]!;
    const { outputs, pid } = await graph.run(
      { ...feeds, [feed]: part },
      { fetches: Object.keys(join), cut, ...how, attributes: { 'dent.rows': size } },
    );
    onRows(size, pid);
    return outputs;
  });
  const outputs = joinOutputs(await Promise.all(runs), join);
  return uneven ? inDealtOrder(outputs, join, messages.length) : outputs;
}

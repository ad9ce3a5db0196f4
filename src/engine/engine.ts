import type { Tensor } from '../tensor.ts';

/**
 * Which hardware runs the graphs. `cuda` throws at open where the CUDA libraries are missing; it never falls
 * back silently.
 */
export type Device = 'cpu' | 'cuda';

/** Tensors by the names of a graph's inputs or outputs. */
export type Tensors = Readonly<Record<string, Tensor>>;

/** An ONNX graph: a file, or serialized bytes. */
export interface GraphSource {
  /** The subject of sentences about the graph, for example `"cifar10-resnet14:1/isolated"` or `The model`. */
  readonly name: string;
  /** Absolute path of an ONNX file, or the bytes of one. */
  readonly model: string | Uint8Array;
}

/**
 * Which processes hold a session of a graph: `every` process one with a single thread; the `first` process
 * one with all threads; or `any` one process, the next free one, one with a single thread.
 */
export type Sessions = 'every' | 'first' | 'any';

export interface OpenOptions {
  readonly sessions: Sessions;
  /**
   * Whether ONNX Runtime rewrites the graph to run faster. Opening takes longer then, and some names may be
   * gone.
   */
  readonly optimise: boolean;
  /**
   * Whether a GPU may compute products of float32 in TF32, with 10 bits of fraction. ONNX Runtime would of
   * its own accord; here it may only where this is true. A CPU has no TF32.
   */
  readonly tf32?: boolean;
}

/**
 * How outputs for parts of the rows become the output for all rows: joined along the first axis (`rows`) or
 * the second (`columns`), added up in float64 (`sum`), or equal in all runs, so that one stands for all
 * (`same`).
 */
export type Join = 'rows' | 'columns' | 'sum' | 'same';

/**
 * Makes one call run the graph over parts of the rows of one feed, one after the other. The other feeds are
 * the same for each part.
 */
export interface Cut {
  /** The float32 feed [N, ...] that is cut. */
  readonly feed: string;
  /** The most rows of one run. */
  readonly rowsPerRun: number;
  /** How to join each output. */
  readonly join: Readonly<Record<string, Join>>;
}

/** Makes one call run the graph on more rows than it was given. */
export interface Filling {
  /** The float32 feed [from, ...] that zeros fill up to [to, ...]. */
  readonly feed: string;
  readonly from: number;
  readonly to: number;
  /** Where each output has its rows. The answer is without the added ones. */
  readonly join: Readonly<Record<string, Join>>;
}

export interface RunOptions {
  /** The outputs to return; all where absent. */
  readonly fetches?: readonly string[];
  readonly cut?: Cut;
  /** Not together with `cut`. */
  readonly filling?: Filling;
  /** When it aborts, a run that has not begun rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /**
   * When the work began that the run is a part of, by `performance.now()`. Of the runs that wait, those of
   * the oldest work go first. By default now.
   */
  readonly sinceMs?: number;
  /** Hears when a process begins the run. Where that process dies, another begins it again. */
  readonly onBegin?: (pid: number) => void;
  /** Attributes for the span of the run. */
  readonly attributes?: Readonly<Record<string, number | string>>;
}

export interface Ran {
  readonly outputs: Record<string, Tensor>;
  /** The process that ran it. */
  readonly pid: number;
}

/** A graph that can be run. */
export interface OpenGraph {
  readonly inputs: readonly string[];
  /** The outputs and their shapes, where the graph declares them. A name stands for an open size. */
  readonly outputs: Readonly<Record<string, readonly (number | string)[]>>;
  /** How many runs of it may happen at the same time. */
  readonly width: number;
  /**
   * Runs the graph on `feeds`. Calls queue up. Where a process dies or exceeds the run limit during a call,
   * it is replaced and the call runs once more. A second loss rejects with `EngineCrashError`. Where ONNX
   * Runtime objects to the feeds or the graph, the call rejects with `RunError`.
   */
  run(feeds: Tensors, options?: RunOptions): Promise<Ran>;
  /** Frees the sessions. Calls in flight finish first. Idempotent. */
  release(): Promise<void>;
}

/** A model that the compiler asks questions. If it cannot run, its owner must mend it. */
export interface Probe {
  /**
   * Runs the model and returns every output. Rejects with `InputError` where it cannot be run on these feeds.
   */
  run(feeds: Tensors): Promise<Record<string, Tensor>>;
  release(): Promise<void>;
}

/** Runs ONNX graphs in processes of their own. It does not know what they compute. */
export interface Engine {
  readonly device: Device;
  /**
   * Whether a session takes long for its first batch of another size, so that batches should be filled up to
   * a few sizes, each with a session of its own.
   */
  readonly fillsBatches: boolean;
  /**
   * Opens a graph's sessions; resolves when they can run. Rejects with `InputError` where it is no valid
   * graph.
   */
  open(source: GraphSource, options: OpenOptions): Promise<OpenGraph>;
  /**
   * Opens serialized ONNX bytes as they are, without optimisation, in one process. Rejects with `InputError`
   * where they are no valid graph.
   */
  probe(model: Uint8Array): Promise<Probe>;
  /** Probes a model once. */
  evaluate(model: Uint8Array, feeds: Tensors): Promise<Record<string, Tensor>>;
  /** Process ids of the living children, for operators and fault tests. */
  readonly pids: readonly number[];
  /** Ends the children. Idempotent; calls in flight reject. */
  close(): Promise<void>;
}

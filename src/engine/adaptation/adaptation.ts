import type { Tensor } from '../../tensor.ts';

/** What a GPU computes convolutions in, and with `fp16` all activations. Without effect on a CPU. */
export type Precision = 'fp32' | 'tf32' | 'fp16';

export const PRECISIONS: readonly Precision[] = ['fp32', 'tf32', 'fp16'];

/** A self-adapting graph on disk, and what the engine must know to run it well. */
export interface Artifact {
  /** Names the artifact in logs and errors, for example `cifar10-resnet14:1/isolated`. */
  readonly name: string;
  /** Absolute path of the compiled ONNX file. */
  readonly path: string;
  /** Name of the graph's image input, [N, C, H, W] float32. */
  readonly input: string;
  /** Name of the graph's output of adapted logits, [N, K] float32. */
  readonly output: string;
  /** What the graph was compiled for and is run in; `fp32` where absent. */
  readonly precision?: Precision;
  /**
   * Present where a row's answer does not depend on the rows beside it. A batch may then be cut into parts of
   * at most this many rows, which fit the cache, and spread over the engine's processes. Absent: the rows of
   * a call run together.
   */
  readonly rowsPerPart?: number;
  /** Whether some rows of a batch take longer than others, because they stop on their own. */
  readonly uneven?: boolean;
  /**
   * Present where the graph is not self-adapting but one pass, to be run `steps` + 1 times over all parts of
   * a batch: the shape of the state that one pass hands to the next, [tensors, parameters]. Goes with
   * `rowsPerPart`.
   */
  readonly carried?: readonly [tensors: number, parameters: number];
  /**
   * Present where the graph takes batches that are filled up: the name of its input for the number of rows
   * that count, an int64 scalar. Each batch is then filled up to a power of two, and each such size has a
   * session of its own.
   */
  readonly validRows?: string;
}

/** What one call of a self-adapting graph returns for N rows and K classes. */
export interface AdaptedRows {
  /** Logits after adaptation, [N, K]. */
  readonly logits: Tensor<'float32'>;
  /** Logits of the model as it is, [N, K]. */
  readonly staticLogits: Tensor<'float32'>;
  /** Entropy of each row before each update and after the last one, in nats, [steps + 1, N]. */
  readonly entropy: Tensor<'float32'>;
  /**
   * The number of each row's top class and its probability, before each update and after the last one,
   * [steps + 1, N, 2]. Absent where the graph does not tell.
   */
  readonly top?: Tensor<'float32'>;
  /** Standard deviation of the learned Gaussian smoothing in pixels, [1] or [N]; absent without smoothing. */
  readonly sigma?: Tensor<'float32'>;
  /** Where the graph chooses statistics for the batch: 1 where it took the blend, otherwise 0, [1]. */
  readonly blended?: Tensor<'float32'>;
  /**
   * How far the batch's statistics are from the training run's, in nats, [1]. Present where this has a part
   * in the choice.
   */
  readonly divergence?: Tensor<'float32'>;
}

/**
 * Hears how many of the rows of a call are done, and which process did the last of them. Before that it hears
 * once of 0 rows, from the process that begins the first.
 */
export type OnProgress = (rowsDone: number, pid: number) => void;

export interface LoadedArtifact {
  /**
   * The sizes of batches to run once before the first request, where requests make batches of up to `most`
   * rows.
   */
  warmUpSizes(most: number): readonly number[];
  /**
   * Adapts to `rows` ([N, C, H, W]) with `steps` updates and predicts. Calls queue up: a later one has the
   * processes for which the earlier ones have nothing left to do. Each sees fresh parameters.
   */
  run(rows: Tensor<'float32'>, steps: number, onProgress?: OnProgress): Promise<AdaptedRows>;
  /** Frees the sessions. Calls in flight finish first. */
  release(): Promise<void>;
}

/** Runs self-adapting graphs on an engine. */
export interface Adaptation {
  /**
   * Opens the artifact's sessions. Resolves when they can run. Rejects with `InputError` where the file is no
   * self-adapting graph.
   */
  load(artifact: Artifact): Promise<LoadedArtifact>;
}

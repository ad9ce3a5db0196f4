import type { Reading, Recipe, TensorNames } from '../dent/index.ts';
import type { Artifact } from '../engine/adaptation/adaptation.ts';

/** How an image becomes a row: resized by `fit` to width x height, then pixel p becomes (p * scale - mean) / std. */
export interface InputSpec {
  readonly width: number;
  readonly height: number;
  readonly channels: 'rgb' | 'bgr' | 'gray';
  readonly scale: number;
  /** One value for each channel. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly fit: 'cover' | 'contain' | 'fill';
}

/** `models/<name>/model.json`, checked and with its defaults filled in. */
export interface Manifest {
  readonly description: string;
  readonly input: InputSpec;
  /** The model's output that holds the logits; the compiler chooses where it is not set. */
  readonly output?: string;
  readonly labels: readonly string[];
  readonly recipes: Readonly<Record<string, Recipe>>;
  readonly defaultRecipe: string;
  /** Whether rows of different callers may be adapted together under a coupled recipe. */
  readonly shareBatches: boolean;
  readonly batching: {
    readonly maxBatchSize: number;
    readonly maxDelayMs: number;
    readonly queueLimit: number;
    /** A request's deadline where it names none, and the largest it may name. */
    readonly timeoutMs: number;
  };
}

/** One version of one model: all that is needed to take requests for it, and to write their answers. */
export interface DescribedVersion {
  readonly name: string;
  readonly version: number;
  /** Of the model file. */
  readonly sha256: string;
  /** What the model file calls its images and its logits. */
  readonly tensors: TensorNames;
  /** What the model file was taken for; absent where engines are elsewhere, and nobody has compiled it here. */
  readonly reading?: Reading;
  /** Names all that decides what becomes of its rows; see `contentHash`. */
  readonly content: string;
  readonly manifest: Manifest;
}

/** One version of one model, compiled for each of its recipes. */
export interface ModelVersion extends DescribedVersion {
  /** By recipe name. */
  readonly artifacts: Readonly<Record<string, Artifact>>;
}

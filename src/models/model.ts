import type { Reading, Recipe, TensorNames } from '../dent/index.ts';
import type { Artifact, Precision } from '../engine/adaptation/adaptation.ts';

/**
 * How an image becomes a row: resized by `fit` to width x height, then pixel p becomes (p * scale - mean) /
 * std.
 */
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
  /** The model's output that holds the logits. Where it is not set the compiler chooses. */
  readonly output?: string;
  /** What a GPU computes convolutions and activations in; `fp32` where it is not set. */
  readonly precision?: Precision;
  readonly labels: readonly string[];
  readonly recipes: Readonly<Record<string, Recipe>>;
  readonly defaultRecipe: string;
  /** SHA-256 of the model file that a recipe was calibrated on, by the recipe's name. */
  readonly calibrated?: Readonly<Record<string, string>>;
  /** Whether rows of different callers may be adapted together under a coupled recipe. */
  readonly shareBatches: boolean;
  readonly batching: {
    readonly maxBatchSize: number;
    readonly maxDelayMs: number;
    readonly queueLimit: number;
    /** The deadline of requests that name none, and the longest that they may name. */
    readonly timeoutMs: number;
  };
}

/** One version of one model: everything needed to take requests for it and to write their answers. */
export interface DescribedVersion {
  readonly name: string;
  readonly version: number;
  /** Of the model file. */
  readonly sha256: string;
  /** The names of the images and of the logits in the model file. */
  readonly tensors: TensorNames;
  /**
   * How the model file was understood. Absent where engines are elsewhere and this process has not compiled
   * it.
   */
  readonly reading?: Reading;
  /** Identifies everything that decides how its rows are answered; see `contentHash`. */
  readonly content: string;
  readonly manifest: Manifest;
}

/** One version of one model, compiled for each of its recipes. */
export interface ModelVersion extends DescribedVersion {
  /** By recipe name. */
  readonly artifacts: Readonly<Record<string, Artifact>>;
}

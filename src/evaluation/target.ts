import type { Recipe } from '../dent/index.ts';
import type { Tensor } from '../tensor.ts';

/** Labelled images of one fixed batch. */
export interface Batch {
  /**
   * Pixels in [0, 1], [N, C, H, W], in the model's size and order of channels. Balls of eps lie in this
   * space.
   */
  readonly images: Tensor<'float32'>;
  /** The index of the right class, for each row. */
  readonly labels: Int32Array;
}

/**
 * What an attacker makes as large as possible, row by row; see losses.ts. Those that are `targeted` want a
 * class for each row.
 */
export type LossName =
  | 'ce'
  | 'margin'
  | 'dlr'
  | 'entropy'
  | 'targeted-ce'
  | 'targeted-margin'
  | 'targeted-dlr';

/** A loss and the classes that it wants of each row. */
export interface LossOf {
  readonly name: LossName;
  readonly labels: Int32Array;
  /** The class to move each row to, for targeted losses. */
  readonly targets?: Int32Array;
  /** How much each row's loss counts in the sum whose gradient is asked for; 1 where absent. */
  readonly weights?: Float64Array;
}

/** What a network says at some pixels, and which way its loss grows. */
export interface Ascent {
  /** [N, K]. */
  readonly logits: Tensor<'float32'>;
  /** Of each row. */
  readonly losses: Float64Array;
  /** Of the weighted sum of all losses by the pixels, [N, C, H, W]. */
  readonly gradient: Tensor<'float32'>;
}

/** What is attacked: something that gives logits for pixels. */
export interface Target {
  readonly classes: number;
  /**
   * Whether a row's logits are the same whatever stands beside it: an attack may then go on with the rows
   * that it has not fooled. Where it is false the whole batch is attacked jointly until the end.
   */
  readonly independentRows: boolean;
  /** [N, K] for pixels [N, C, H, W]. */
  logits(pixels: Tensor<'float32'>, signal?: AbortSignal): Promise<Tensor<'float32'>>;
  /** The target of these rows of the batch alone, in this order. Throws where rows are not independent. */
  only(rows: readonly number[]): this;
}

/** A target that shows which way its losses grow: the model as it is, or adapted parameters held fixed. */
export interface OpenTarget extends Target {
  lossAndGradient(pixels: Tensor<'float32'>, loss: LossOf, signal?: AbortSignal): Promise<Ascent>;
}

/** What a recipe answers for the very batch that is served. */
export interface Served {
  /** As the service answers: a row whose adaptation diverged has the logits of the model as it is. [N, K]. */
  readonly logits: Tensor<'float32'>;
  /** Of the model as it is, [N, K]. */
  readonly staticLogits: Tensor<'float32'>;
  /** Updates made, for each row. */
  readonly steps: Uint32Array;
}

/** A model under one recipe: what is served, and what an attacker with the model's file can make of it. */
export interface Defence {
  readonly name: string;
  readonly recipe: Recipe;
  readonly classes: number;
  /** Whether a row's answer is the same whatever stands beside it. */
  readonly independentRows: boolean;
  /** Whether it ever answers otherwise than the network as it is. */
  readonly adapts: boolean;
  /** Runs the recipe on exactly this batch, as the service would. */
  serve(pixels: Tensor<'float32'>, signal?: AbortSignal): Promise<Served>;
  /**
   * The network with the parameters that the recipe adapts to this batch and the kind of statistics that it
   * chooses for it, held fixed: what an attacker with the model's file can build.
   */
  hold(pixels: Tensor<'float32'>, options?: HoldOptions): Promise<OpenTarget>;
  /**
   * The network that adapts, whose gradient goes on through the adaptation as if its optimizer were smooth.
   * Absent where rows do not each adapt for themselves.
   */
  readonly smoothed?: OpenTarget;
  /** Frees what was opened to be attacked. */
  release(): Promise<void>;
}

export interface HoldOptions {
  /** Updates in place of the recipe's own number. */
  readonly steps?: number;
  /** In place of what a recipe that chooses statistics has chosen for the batch. */
  readonly statistics?: 'source' | 'blend';
  readonly signal?: AbortSignal;
}

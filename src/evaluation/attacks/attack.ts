import type { Tensor } from '../../tensor.ts';
import type { Budget } from '../budget.ts';
import type { Prospect } from '../passes.ts';
import type { Batch, Defence, OpenTarget } from '../target.ts';

/**
 * The norm that bounds what is added to an image: the largest change of a pixel, or the Euclidean length of
 * all changes.
 */
export type Norm = 'linf' | 'l2';

/** What an attacker may add: changes up to `eps` in `norm`, pixels in [0, 1]. */
export interface Ball {
  readonly norm: Norm;
  /** In pixels of [0, 1]: 8/255, not 8. */
  readonly eps: number;
}

/** What an attack has cost, and what tells that its gradients are of no use. */
export interface Work {
  /** Gradients computed, counted by rows. */
  readonly gradients: number;
  /** How many of them were zero throughout. */
  readonly zeroGradients: number;
  /** Predictions without a gradient, counted by rows. */
  readonly queries: number;
}

/** A batch that was served, as it was served. */
export interface ServedBatch {
  /** [n, C, H, W] in [0, 1]. */
  readonly pixels: Tensor<'float32'>;
  readonly labels: Int32Array;
  /** The row of the fixed batch that each row was made from. */
  readonly rows: readonly number[];
  /** The class that each row was answered with. */
  readonly answers: Int32Array;
}

/** What became of the rows of the fixed batch: answered right, wrong, or not asked about. */
export const VERDICT = { unasked: -1, wrong: 0, right: 1 } as const;

/** One figure of an attack on one batch. */
export interface Outcome {
  /**
   * What tells it from the attack's other figures, such as `25 %` of mixed batches; absent where there is one
   * alone.
   */
  readonly variant?: string;
  /** A `VERDICT` for each row of the fixed batch, judged on the very batches in `served`. */
  readonly verdicts: Int8Array;
  readonly served: readonly ServedBatch[];
}

/** What an attack did to one batch. */
export interface Attacked {
  readonly outcomes: readonly Outcome[];
  readonly work: Work;
  /** Of the network that was searched, where several searches followed one another. */
  readonly stages?: readonly Stage[];
}

/** One batch under attack, and what the attacker has. */
export interface Scene {
  readonly batch: Batch;
  /** The network as it is. */
  readonly network: OpenTarget;
  readonly defence: Defence;
  readonly ball: Ball;
  readonly budget: Budget;
  /** The same seed gives the same attack. */
  readonly seed: number;
  /**
   * Points that attacks on the network as it is have found on this batch; shared by all recipes
   * (`createStaticPoints`).
   */
  readonly points: StaticPoints;
  readonly signal?: AbortSignal;
  /** Hears which share of the attack is done, from 0 to 1. */
  readonly onProgress?: (share: number) => void;
}

/** The adversarial images of a batch that were made on the network as it is, and the work that it took. */
export interface StaticPoint {
  readonly pixels: Tensor<'float32'>;
  /** 1 where the network as it is is wrong. */
  readonly fooled: Uint8Array;
  /**
   * How many rows the network as it is had right after each attack on those that were left: the cumulative
   * form.
   */
  readonly stages: readonly Stage[];
  readonly work: Work;
}

export interface Stage {
  readonly name: string;
  readonly right: number;
}

/** Made when first asked for, then kept: transfer to a second recipe costs a pass. */
export interface StaticPoints {
  transfer(scene: Pick<Scene, 'signal' | 'onProgress'>): Promise<StaticPoint>;
}

/** An attack of the report: a row of the table in attacks/index.ts. */
export interface Attack {
  /** What it does, in a few words. */
  readonly says: string;
  /** What the attacker knows and controls. */
  readonly knows: string;
  /** Where it was published. */
  readonly source: string;
  /** Whether it sees the adaptation: if it does worse than `transfer`, gradients are masked. */
  readonly seesAdaptation: boolean;
  /** Whether each row is attacked within its own ball and counts for the row-wise worst of all attacks. */
  readonly countsForWorst: boolean;
  /** Whether it begins with the points of `transfer`, which are made once for all recipes. */
  readonly usesPoints: boolean;
  /** About how much work there is for a row, beside those points; see passes.ts. */
  passes(prospect: Prospect): number;
  run(scene: Scene): Promise<Attacked>;
}

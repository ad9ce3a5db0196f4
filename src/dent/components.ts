import type { Value } from '../onnx/index.ts';
import type { Classifier } from './classifier.ts';
import type { AdaptableLayer } from './layers.ts';
import type { Recipe } from './recipe-fields.ts';
import type { Method } from './row-passes.ts';

/** What the graph is made of. */
export interface Components extends Method {
  readonly classifier: Classifier;
  readonly recipe: Recipe;
  /** Those that the recipe adapts or normalises otherwise. */
  readonly layers: readonly AdaptableLayer[];
  /** Whether the adapted parameters are an output of the graph. */
  readonly exposesParameters?: boolean;
  /** How many rows a part has where rows stop on their own. */
  readonly partRows: number;
  /** Whether the graph says by an input how many rows count, as the last ones may only fill the batch up. */
  readonly isPadded: boolean;
}

/** What the graph computes. */
export interface Adaptation {
  /** After the last update, [N, K]. */
  readonly logits: Value;
  /** Before the first, [N, K]. */
  readonly firstLogits: Value;
  /** [steps + 1, N]. */
  readonly entropy: Value;
  /** The top class and its probability, [steps + 1, N, 2]. */
  readonly top: Value;
  /** After the last update, [R]; present with smoothing. */
  readonly sigma?: Value;
  /**
   * After the last update, [R, P]. Where they are no output of the graph, they may be those of an update that
   * nothing used.
   */
  readonly parameters: Value;
}

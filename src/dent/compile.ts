import type { Tensor } from '../tensor.ts';
import type { Recipe } from './recipe.ts';

/** Something that runs an ONNX graph once and returns every output: ONNX Runtime, handed in so that this room stays pure. */
export interface GraphRunner {
  evaluate(model: Uint8Array, feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>>;
}

export interface CompileOptions {
  /** Channels, height and width to assume where the model leaves them open. */
  readonly imageShape?: readonly [number, number, number];
}

export interface CompiledModel {
  /** The self-adapting graph, a serialized ONNX model. */
  readonly bytes: Uint8Array;
  readonly input: string;
  readonly output: string;
  readonly classes: number;
  /** [channels, height, width], with -1 where the model leaves a size open. */
  readonly imageShape: readonly [number, number, number];
}

/**
 * Writes the self-adapting graph of `model` (serialized ONNX bytes) for `recipe`. Rejects with `InputError` naming the node
 * and op at fault.
 */
export declare function compile(
  model: Uint8Array,
  recipe: Recipe,
  runner: GraphRunner,
  options?: CompileOptions,
): Promise<CompiledModel>;

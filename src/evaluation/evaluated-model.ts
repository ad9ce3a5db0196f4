import {
  type CompileOptions,
  type GraphRunner,
  PRESETS,
  type PreparedModel,
  prepare,
} from '../dent/index.ts';
import type { Engine } from '../engine/engine.ts';
import type { InputSpec } from '../models/model.ts';
import { decodeModel } from '../onnx/index.ts';
import { type Network, openNetwork } from './network.ts';
import { type PixelScaling, pixelScaling } from './pixel-scaling.ts';

/** A model that is evaluated, and how its pixels are scaled. */
export interface EvaluatedModel {
  /** The subject of sentences about it. */
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly prepared: PreparedModel;
  readonly input: InputSpec;
  readonly scaling: PixelScaling;
  /** As the compiler was told when the model was prepared. */
  readonly hints: Pick<CompileOptions, 'imageShape' | 'output'>;
}

export interface ModelSource {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly input: InputSpec;
  /** The model's output that holds the logits, where it is named. */
  readonly output?: string;
}

/** Reads a model for evaluation. Rejects with `InputError` where it is no classifier. */
export async function readEvaluatedModel(
  runner: GraphRunner,
  { name, bytes, input, output }: ModelSource,
): Promise<EvaluatedModel> {
  const imageShape = [input.channels === 'gray' ? 1 : 3, input.height, input.width] as const;
  const hints = { imageShape, ...(output !== undefined && { output }) };
  const prepared = await prepare(decodeModel(bytes), runner, hints);
  return { name, bytes, prepared, input, scaling: pixelScaling(input), hints };
}

/** The network as it is, for attacks that do not see the adaptation. */
export const openStaticNetwork = (engine: Engine, model: EvaluatedModel): Network =>
  openNetwork({ engine, ...model }, PRESETS.static);

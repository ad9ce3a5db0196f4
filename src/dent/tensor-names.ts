import { decodeModel } from '../onnx/index.ts';
import { chooseOutput, type OutputHint } from './choose-output.ts';
import { asClassifier } from './classifier.ts';
import { floatPixels, takesPixels } from './passes/import/float-pixels.ts';
import { widenFloats } from './passes/import/widen-floats.ts';
import { withoutLabels } from './passes/import/without-labels.ts';

/**
 * The names of a classifier's image input and of its classifying output. Its compiled graphs use the same
 * names.
 */
export interface TensorNames {
  readonly input: string;
  readonly output: string;
  /**
   * Whether the model's file takes pixels as bytes (uint8). Its compiled graphs take them as floats from 0 to
   * 255.
   */
  readonly pixels?: true;
}

/** Reads the names from serialized ONNX bytes. Throws `InputError` where the model is no image classifier. */
export function tensorNames(bytes: Uint8Array, hint: OutputHint = {}): TensorNames {
  const source = decodeModel(bytes);
  const model = widenFloats(floatPixels(withoutLabels(source)));
  const { input, outputName } = asClassifier(model, chooseOutput(model.graph, hint));
  return {
    input: input.name,
    output: outputName,
    ...(takesPixels(source.graph) && { pixels: true }),
  };
}

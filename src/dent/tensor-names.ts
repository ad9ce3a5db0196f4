import { decodeModel } from '../onnx/index.ts';
import { chooseOutput, type OutputHint } from './choose-output.ts';
import { asClassifier } from './classifier.ts';
import { logitsName } from './graph-names.ts';
import { floatPixels, takesPixels } from './passes/import/float-pixels.ts';
import { widenFloats } from './passes/import/widen-floats.ts';
import { withoutLabels } from './passes/import/without-labels.ts';

/** What callers call the image and the adapted logits: the model's own names where they can. */
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
  const classifier = asClassifier(model, chooseOutput(model.graph, hint));
  return {
    input: classifier.input.name,
    // Beside it callers see other outputs of compiled graphs.
    output: logitsName(classifier),
    ...(takesPixels(source.graph) && { pixels: true }),
  };
}

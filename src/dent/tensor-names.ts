import { decodeModel } from '../onnx/index.ts';
import { chooseOutput, type OutputHint } from './choose-output.ts';
import { asClassifier } from './classifier.ts';
import { floatPixels, takesPixels } from './passes/import/float-pixels.ts';
import { widenFloats } from './passes/import/widen-floats.ts';
import { withoutLabels } from './passes/import/without-labels.ts';

/** What a classifier calls its image input and the output that classifies. Its compiled graphs call them the same. */
export interface TensorNames {
  readonly input: string;
  readonly output: string;
  /** Whether the model's file takes the bytes of pixels (uint8), which its compiled graphs take as floats from 0 to 255. */
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

import type { Recipe } from '../dent/index.ts';
import { runRows } from '../inference/index.ts';
import type { ServingVersion } from '../models/index.ts';
import type { InputSpec } from '../models/model.ts';
import { elementCount, float32, rows as rowsOf, type Tensor } from '../tensor.ts';
import type { Defence, Served } from './target.ts';

/** A model under one recipe, as the service answers with it. */
export type ServedRecipe = Pick<Defence, 'name' | 'recipe' | 'classes' | 'serve'>;

/**
 * What of a byte is taken for rounding, so that pixels of a file become the very rows that the service makes
 * of them.
 */
const ROUNDING = 1e-3;

function asByte(pixel: number): number {
  const byte = 255 * pixel;
  const whole = Math.round(byte);
  return Math.abs(byte - whole) < ROUNDING ? whole : byte;
}

/** Pixels in [0, 1], [N, C, H, W], in the units that the model takes. */
export function inModelUnits(pixels: Tensor<'float32'>, { scale, mean, std }: InputSpec): Tensor<'float32'> {
  const plane = elementCount(pixels.dims.slice(2));
  const channels = pixels.dims[1]!;
  const data = pixels.data.map((pixel, i) => {
    const channel = Math.floor(i / plane) % channels;
    return (asByte(pixel) * scale - mean[channel]!) / std[channel]!;
  });
  return float32(pixels.dims, data);
}

/**
 * The recipe `name` of a version, run as the service runs it: a batch too small for it is run under the
 * recipe that stands in for it, and a row whose adaptation diverged is answered by the model as it is.
 */
export function serveRecipe(version: ServingVersion, name: string): ServedRecipe {
  const { manifest } = version;
  const recipe = manifest.recipes[name] as Recipe;
  const classes = manifest.labels.length;
  return {
    name,
    recipe,
    classes,
    async serve(pixels, signal) {
      const all = inModelUnits(pixels, manifest.input);
      const count = all.dims[0]!;
      const payloads = Array.from({ length: count }, (_, row) => ({
        type: 'float32' as const,
        data: rowsOf(all, row, row + 1).data,
      }));
      const { answers } = await runRows({}, version, name, payloads);
      signal?.throwIfAborted();
      return gather(answers, classes);
    },
  };
}

type Answers = Awaited<ReturnType<typeof runRows>>['answers'];

/**
 * The rows' answers as tensors. A row that has no answer has logits that are no numbers, which are right for
 * no class.
 */
function gather(answers: Answers, classes: number): Served {
  const dims = [answers.length, classes];
  const logits = float32(dims, new Float32Array(answers.length * classes).fill(Number.NaN));
  const staticLogits = float32(dims, new Float32Array(answers.length * classes).fill(Number.NaN));
  const steps = new Uint32Array(answers.length);
  for (const [row, answer] of answers.entries()) {
    if (answer instanceof Error) continue;
    logits.data.set(answer.logits, row * classes);
    staticLogits.data.set(answer.staticLogits, row * classes);
    steps[row] = answer.steps;
  }
  return { logits, staticLogits, steps };
}

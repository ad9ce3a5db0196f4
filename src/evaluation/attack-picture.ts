import { PRESETS } from '../dent/index.ts';
import type { Engine } from '../engine/engine.ts';
import { float32 } from '../tensor.ts';
import { answersOf } from './answers.ts';
import { pgd } from './attacks/pgd.ts';
import { openHolder } from './defence.ts';
import { type ModelSource, readEvaluatedModel } from './evaluated-model.ts';
import { createRandom } from './random.ts';
import type { ServedRecipe } from './served-recipe.ts';

export interface PictureAttack {
  /** The largest change of a pixel, in bytes: 8 for 8/255. */
  readonly eps: number;
  /** Steps of PGD; each costs a gradient. */
  readonly iterations: number;
  /** The recipe whose adaptation to the picture the attacker sees; where absent, the model as it is. */
  readonly sees?: Pick<ServedRecipe, 'name' | 'recipe'> | undefined;
}

/** Beyond eps in all, as Madry et al. 2018 have it: the search can cross the ball. */
const REACH = 2.5;
const AS_IT_IS = { name: 'static', recipe: PRESETS.static };

/**
 * Moves one picture, planar bytes in the model's size, away from what a network says of it, by PGD with
 * random start. The network is the model as it is, or with the parameters that a recipe adapts to the
 * picture, held fixed. The pixels are in [0, 1], and of a byte's distance at most `eps` from the picture's
 * once they are rounded.
 */
export async function attackPicture(
  engine: Pick<Engine, 'device' | 'open' | 'probe'>,
  source: ModelSource,
  picture: Uint8Array,
  { eps, iterations, sees = AS_IT_IS }: PictureAttack,
): Promise<Float32Array> {
  const { height, width } = source.input;
  const dims = [1, picture.length / (height * width), height, width];
  const images = float32(
    dims,
    Float32Array.from(picture, (byte) => byte / 255),
  );
  const model = await readEvaluatedModel(engine, source);
  const holder = openHolder({ engine, model }, sees);
  try {
    const target = await holder.hold(images);
    const labels = answersOf(await target.logits(images));
    const ball = { norm: 'linf', eps: eps / 255 } as const;
    const run = { batch: { images, labels }, target, ball, random: createRandom(0) };
    const { pixels } = await pgd(run, { loss: 'ce', iterations, step: REACH / iterations });
    return pixels.data;
  } finally {
    await holder.release();
  }
}

import type { Engine } from '../engine/engine.ts';
import { float32 } from '../tensor.ts';
import { answersOf } from './answers.ts';
import { pgd } from './attacks/pgd.ts';
import { type ModelSource, openStaticNetwork, readEvaluatedModel } from './evaluated-model.ts';
import { createRandom } from './random.ts';

export interface PictureAttack {
  /** The largest change of a pixel, in bytes: 8 for 8/255. */
  readonly eps: number;
  /** Steps of PGD; each costs a gradient. */
  readonly iterations: number;
  readonly signal: AbortSignal;
}

/** Beyond eps in all, as Madry et al. 2018 have it: the search can cross the ball. */
const REACH = 2.5;

/**
 * Moves one picture, planar bytes in the model's size, away from what the model as it is says of it, by PGD
 * with random start. The pixels are in [0, 1], and of a byte's distance at most `eps` from the picture's once
 * they are rounded.
 */
export async function attackPicture(
  engine: Engine,
  source: ModelSource,
  picture: Uint8Array,
  { eps, iterations, signal }: PictureAttack,
): Promise<Float32Array> {
  const { height, width } = source.input;
  const dims = [1, picture.length / (height * width), height, width];
  const images = float32(
    dims,
    Float32Array.from(picture, (byte) => byte / 255),
  );
  const network = openStaticNetwork(engine, await readEvaluatedModel(engine, source));
  try {
    const target = network.at();
    const labels = answersOf(await target.logits(images, signal));
    const ball = { norm: 'linf', eps: eps / 255 } as const;
    const run = { batch: { images, labels }, target, ball, random: createRandom(0), signal };
    const { pixels } = await pgd(run, { loss: 'ce', iterations, step: REACH / iterations });
    return pixels.data;
  } finally {
    await network.release();
  }
}

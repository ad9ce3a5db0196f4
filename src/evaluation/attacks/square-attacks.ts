import type { Tensor } from '../../tensor.ts';
import { createRandom } from '../random.ts';
import { putRows, takeRows } from '../row-parts.ts';
import type { Attack, Attacked, Scene } from './attack.ts';
import { Tally } from './run.ts';
import { attacked, blackBox, StrongestServed } from './serving.ts';
import { type SquareOptions, square } from './square.ts';

/**
 * Square on the rows that transfer has left right, or on the whole batch where its rows depend on one
 * another.
 */
async function squareAfterTransfer(
  scene: Scene,
  of: (start: Tensor<'float32'>) => Omit<SquareOptions, 'queries'>,
): Promise<Attacked> {
  const { batch, defence, ball, budget, seed, points, signal, onProgress } = scene;
  const tally = new Tally();
  const { pixels } = await points.transfer(scene);
  const strongest = new StrongestServed(scene);
  await strongest.offer(pixels);
  const every = Array.from(batch.labels, (_, row) => row);
  const rows = defence.independentRows ? strongest.rest : every;
  if (strongest.rest.length > 0) {
    const part = {
      images: takeRows(batch.images, rows),
      labels: Int32Array.from(rows, (row) => batch.labels[row]!),
    };
    const target = blackBox(defence, tally);
    const run = { batch: part, target, ball, random: createRandom(seed, 'square'), signal, onProgress };
    const options = of(takeRows(strongest.pixels, rows));
    const found = await square(run, { queries: budget.queries, ...options });
    const joined = { ...pixels, data: strongest.pixels.data.slice() };
    putRows(joined, rows, found.pixels);
    await strongest.offer(joined);
  }
  onProgress?.(1);
  return attacked([await strongest.outcome()], tally);
}

/** Gradients play no part: where they are masked, this does not notice. */
export const squareAttack: Attack = {
  says: 'Square: random squares on what is served, from the image itself, for the rows that transfer has left right (cumulative, as in AutoAttack).',
  knows: 'The answers of the service, with their logits. No file, no gradient.',
  source: 'Andriushchenko et al. 2020 (Square Attack)',
  seesAdaptation: true,
  countsForWorst: true,
  run: (scene) => squareAfterTransfer(scene, () => ({})),
};

/**
 * A transfer point is near the boundary already; small squares look for what adaptation has left open there.
 */
const SMALL_SQUARES = 0.1;

export const queries: Attack = {
  says: 'Square from the transfer point, with small squares, on what is served: for the rows that transfer has left right.',
  knows: "The model's file, and the answers of the service with their logits.",
  source:
    'dent-serve; after Croce et al. 2022 (Evaluating the Adversarial Robustness of Adaptive Test-time Defenses)',
  seesAdaptation: true,
  countsForWorst: true,
  run: (scene) => squareAfterTransfer(scene, (start) => ({ start, share: SMALL_SQUARES })),
};

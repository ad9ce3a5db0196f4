import type { Tensor } from '../../tensor.ts';
import { type Prospect, servingPasses, shareLeft } from '../passes.ts';
import { createRandom } from '../random.ts';
import { takeRows } from '../row-parts.ts';
import type { Attack, Attacked, Scene } from './attack.ts';
import { onRows, Tally } from './run.ts';
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
  const strongest = new StrongestServed(scene);
  await strongest.offer((await points.transfer(scene)).pixels);
  const rows = strongest.rest;
  if (rows.length > 0) {
    const target = blackBox(defence, tally);
    const run = { batch, target, ball, random: createRandom(seed, 'square'), signal, onProgress };
    const options = of(takeRows(strongest.pixels, rows));
    const found = await square(onRows(run, rows), { queries: budget.queries, ...options });
    await strongest.offer(found.pixels, rows);
  }
  onProgress?.(1);
  return attacked([await strongest.outcome()], tally);
}

const squarePasses = ({ recipe, budget }: Prospect): number =>
  shareLeft(recipe) * budget.queries * servingPasses(recipe);

/** Gradients play no part: where they are masked, this does not notice. */
export const squareAttack: Attack = {
  says: 'Square: random squares on what is served, from the image itself, for the rows that transfer has left right (cumulative, as in AutoAttack).',
  knows: 'The answers of the service, with their logits. No file, no gradient.',
  source: 'Andriushchenko et al. 2020 (Square Attack)',
  seesAdaptation: true,
  countsForWorst: true,
  usesPoints: true,
  passes: squarePasses,
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
  usesPoints: true,
  passes: squarePasses,
  run: (scene) => squareAfterTransfer(scene, (start) => ({ start, share: SMALL_SQUARES })),
};

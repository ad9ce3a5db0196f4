import { adapts, climbPasses, servingPasses, shareLeft } from '../passes.ts';
import { createRandom } from '../random.ts';
import { takeRows } from '../row-parts.ts';
import { apgd } from './apgd.ts';
import type { Attack } from './attack.ts';
import { onRows, Tally } from './run.ts';
import { attacked, StrongestServed } from './serving.ts';
import { transfer } from './transfer.ts';

/** Gradients that a step takes: of the loss, and of the entropy in three places. */
const GRADIENTS = 4;

export const smoothedAttack: Attack = {
  says: 'APGD from the transfer point on the network that adapts to every point anew, its gradient going on through the adaptation as if the optimizer were smooth.',
  knows: "The model's file and the recipe.",
  source: 'dent-serve; after backward pass differentiable approximation (Athalye et al. 2018)',
  seesAdaptation: true,
  countsForWorst: true,
  usesPoints: true,
  passes({ recipe, budget: { iterations } }) {
    const serving = servingPasses(recipe);
    if (!adapts(recipe)) return serving;
    return 2 * serving + shareLeft(recipe) * (climbPasses(iterations, GRADIENTS) + iterations * serving);
  },
  async run(scene) {
    const { batch, defence, ball, budget, seed, points, signal, onProgress } = scene;
    // Where rows depend on one another, or nothing is descended, there is nothing that could be smoothed.
    if (defence.smoothed === undefined) return transfer.run(scene);
    const tally = new Tally();
    const strongest = new StrongestServed(scene);
    await strongest.offer((await points.transfer(scene)).pixels);
    const { rest } = strongest;
    if (rest.length > 0) {
      const target = tally.watch(defence.smoothed);
      const run = { batch, target, ball, random: createRandom(seed, 'smoothed'), signal, onProgress };
      const start = takeRows(strongest.pixels, rest);
      const found = await apgd(onRows(run, rest), { loss: 'margin', iterations: budget.iterations, start });
      await strongest.offer(found.pixels, rest);
    }
    return attacked([await strongest.outcome()], tally);
  },
};

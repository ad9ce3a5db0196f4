import { climbPasses, servingPasses } from '../passes.ts';
import { createRandom } from '../random.ts';
import type { Attack } from './attack.ts';
import { pgd } from './pgd.ts';
import { Tally } from './run.ts';
import { attacked, servedOnce } from './serving.ts';

/** 2/255 in a ball of 8/255, as in the dent paper's training. */
const STEP = 0.25;

/** The attack that most published figures are of, to compare with them: it is weaker than transfer. */
export const pgdAttack: Attack = {
  says: 'Projected gradient ascent on the cross-entropy of the network as it is, with steps of one length; what was found is served.',
  knows: "The model's file. Nothing of the recipe, and no answers.",
  source: 'Madry et al. 2018 (Towards Deep Learning Models Resistant to Adversarial Attacks)',
  seesAdaptation: false,
  countsForWorst: true,
  usesPoints: false,
  passes: ({ recipe, budget }) => climbPasses(budget.iterations) + servingPasses(recipe),
  async run(scene) {
    const { batch, network, ball, budget, seed, signal, onProgress } = scene;
    const tally = new Tally();
    const run = {
      batch,
      target: tally.watch(network),
      ball,
      random: createRandom(seed, 'pgd'),
      signal,
      onProgress,
    };
    const found = await pgd(run, { loss: 'ce', iterations: budget.iterations, step: STEP });
    return attacked([await servedOnce(scene, found.pixels)], tally);
  },
};

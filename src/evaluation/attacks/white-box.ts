import { adapts, gradientAttackPasses, servingPasses, shareLeft } from '../passes.ts';
import type { Attack } from './attack.ts';
import { gradientAttacks } from './gradient-attacks.ts';
import { Tally } from './run.ts';
import { attacked, servedOnce } from './serving.ts';
import { transfer } from './transfer.ts';

/**
 * The attack of the dent paper's tables: gradients through the adapted network, whose parameters are held
 * fixed meanwhile.
 */
export const whiteBox: Attack = {
  says: 'APGD-CE, APGD-T and FAB-T on the network with the parameters that it adapts to the batch as it is, held fixed; it adapts anew to what was found.',
  knows: "The model's file, the recipe and the batch.",
  source: 'dent paper, tables 1 to 3',
  seesAdaptation: true,
  countsForWorst: true,
  usesPoints: true,
  passes({ recipe, budget }) {
    const serving = servingPasses(recipe);
    // Held parameters cost an adaptation.
    return adapts(recipe) ? 2 * serving + gradientAttackPasses(budget, shareLeft(recipe)) : serving;
  },
  async run(scene) {
    const { batch, defence, ball, budget, seed, signal, onProgress } = scene;
    // Nothing adapts: the network as it is is all there is to see.
    if (!defence.adapts) return transfer.run(scene);
    const tally = new Tally();
    const target = tally.watch(await defence.hold(batch.images, signal && { signal }));
    const { found, stages } = await gradientAttacks(
      { batch, target, ball, seed, signal, onProgress },
      budget,
    );
    return { ...attacked([await servedOnce(scene, found.pixels)], tally), stages };
  },
};

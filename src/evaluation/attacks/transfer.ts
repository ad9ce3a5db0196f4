import { servingPasses } from '../passes.ts';
import type { Attack, Scene, StaticPoint, StaticPoints } from './attack.ts';
import { gradientAttacks } from './gradient-attacks.ts';
import { Tally } from './run.ts';
import { attacked, servedOnce } from './serving.ts';

/** The points of one batch on the network as it is, made once for all recipes. */
export function createStaticPoints(scene: Omit<Scene, 'points' | 'defence'>): StaticPoints {
  let made: Promise<StaticPoint> | undefined;
  async function make({ signal, onProgress }: Pick<Scene, 'signal' | 'onProgress'>): Promise<StaticPoint> {
    const { batch, network, ball, budget, seed } = scene;
    const work = new Tally();
    const options = { batch, target: work.watch(network), ball, seed, signal, onProgress };
    const { found, stages } = await gradientAttacks(options, budget);
    return { pixels: found.pixels, fooled: found.fooled, stages, work };
  }
  return {
    transfer(hearers) {
      made ??= make(hearers).catch((error) => {
        // A stopped attack has no result: the next one who asks begins anew.
        made = undefined;
        throw error;
      });
      return made;
    },
  };
}

/**
 * The static network is attacked, and the defence is served what was found: the attacker knows nothing of it.
 */
export const transfer: Attack = {
  says: 'The network as it is, attacked by APGD-CE, APGD-T and FAB-T one after the other; what was found is served.',
  knows: "The model's file. Nothing of the recipe, and no answers.",
  source: 'Croce and Hein 2020 (AutoAttack); transferred as in the dent paper, table 5',
  seesAdaptation: false,
  countsForWorst: true,
  usesPoints: true,
  passes: ({ recipe }) => servingPasses(recipe),
  async run(scene) {
    const { pixels, work, stages } = await scene.points.transfer(scene);
    const tally = new Tally();
    tally.add(work);
    return { ...attacked([await servedOnce(scene, pixels)], tally), stages };
  },
};

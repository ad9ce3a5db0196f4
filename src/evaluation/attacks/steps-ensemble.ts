import type { Recipe } from '../../dent/index.ts';
import { adapts, climbPasses, servingPasses, shareLeft } from '../passes.ts';
import { createRandom } from '../random.ts';
import { takeRows } from '../row-parts.ts';
import type { OpenTarget } from '../target.ts';
import { apgd, randomStart } from './apgd.ts';
import type { Attack } from './attack.ts';
import { composite } from './composite.ts';
import { onRows, Tally } from './run.ts';
import { attacked, StrongestServed } from './serving.ts';
import { transfer } from './transfer.ts';

/** Steps after which the parameters are taken: early ones still have gradients that late ones mask. */
const stepsOf = ({ steps }: Recipe): number[] =>
  steps > 0 ? [...new Set([1, Math.ceil(steps / 2), steps])] : [0];

export const stepsEnsemble: Attack = {
  says: 'APGD on the network as it is, and on its parameters after one step, half of the steps and all of them, held fixed, by the sum of their losses.',
  knows: "The model's file, the recipe and the batch.",
  source: 'dent-serve; after the shorter defences of Croce et al. 2022',
  seesAdaptation: true,
  countsForWorst: true,
  usesPoints: true,
  passes({ recipe, budget }) {
    const serving = servingPasses(recipe);
    if (!adapts(recipe)) return serving;
    const networks = 1 + stepsOf(recipe).length;
    return networks * serving + shareLeft(recipe) * climbPasses(budget.iterations, networks);
  },
  async run(scene) {
    const { batch, network, defence, ball, budget, seed, points, signal, onProgress } = scene;
    if (!defence.adapts) return transfer.run(scene);
    const tally = new Tally();
    const from = (await points.transfer(scene)).pixels;
    const strongest = new StrongestServed(scene);
    await strongest.offer(from);
    const { rest } = strongest;
    if (rest.length > 0) {
      const targets: OpenTarget[] = [tally.watch(network)];
      for (const steps of stepsOf(defence.recipe))
        targets.push(tally.watch(await defence.hold(from, { steps, ...(signal && { signal }) })));
      const target = composite(targets, 'avg');
      const run = { batch, target, ball, random: createRandom(seed, 'steps'), signal, onProgress };
      const start = takeRows(randomStart(run), rest);
      const { iterations } = budget;
      const found = await apgd(onRows(run, rest), { loss: 'margin', iterations, start });
      await strongest.offer(found.pixels, rest);
    }
    return attacked([await strongest.outcome()], tally);
  },
};

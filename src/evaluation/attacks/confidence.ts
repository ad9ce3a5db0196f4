import type { Tensor } from '../../tensor.ts';
import { climbPasses, servingPasses, shareLeft } from '../passes.ts';
import { createRandom } from '../random.ts';
import { takeRows } from '../row-parts.ts';
import { apgd } from './apgd.ts';
import type { Attack } from './attack.ts';
import { Campaign } from './campaign.ts';
import { marginsOf, onRows, Tally } from './run.ts';
import { attacked, StrongestServed } from './serving.ts';

/** Above any margin: a row that is wrong is stronger than one that is not, however sure either is. */
const WRONG = 1e6;

/** A row's entropy in nats. */
function entropyOf(logits: Float32Array): number {
  const most = Math.max(...logits);
  let sum = 0;
  let weighted = 0;
  for (const logit of logits) {
    const e = Math.exp(logit - most);
    sum += e;
    weighted += e * (logit - most);
  }
  return Math.log(sum) - weighted / sum;
}

/**
 * How little a wrong answer leaves to adapt: rows that are wrong count by their certainty, the others by
 * their margin.
 */
export function certainties(logits: Tensor<'float32'>, labels: Int32Array): Float64Array {
  const classes = logits.dims[1]!;
  return marginsOf(logits, labels).map((margin, row) => {
    if (!(margin > 0)) return margin;
    return WRONG - entropyOf(logits.data.subarray(row * classes, (row + 1) * classes));
  });
}

/**
 * A recipe lowers entropy, and one that stops leaves a row alone whose entropy is low. So the network is made
 * as sure as possible of a wrong class: nothing is left to be adapted, and what is adapted confirms it.
 */
export const confidence: Attack = {
  says: 'APGD on the network as it is, from the transfer point, towards certainty of each of the likely wrong classes: adaptation is left nothing to change, and a gate lets the row pass.',
  knows: "The model's file, and that the recipe lowers entropy.",
  source: 'dent-serve',
  seesAdaptation: true,
  countsForWorst: true,
  usesPoints: true,
  passes: ({ recipe, budget: { targets, iterations } }) =>
    targets * shareLeft(recipe) * (climbPasses(iterations) + servingPasses(recipe)),
  async run(scene) {
    const { batch, network, ball, budget, seed, points, signal, onProgress } = scene;
    const { iterations } = budget;
    const tally = new Tally();
    const target = tally.watch(network);
    const start = (await points.transfer(scene)).pixels;
    const strongest = new StrongestServed(scene);
    await strongest.offer(start);
    const campaign = await Campaign.open({ batch, target, ball, seed, signal });
    const classes = Math.min(budget.targets, network.classes - 1);
    for (let k = 0; k < classes; k++) {
      const { rest } = strongest;
      if (rest.length === 0) break;
      const run = {
        batch,
        target,
        ball,
        random: createRandom(seed, `confidence ${k}`),
        signal,
        onProgress: (share: number) => onProgress?.((k + share) / classes),
      };
      const wrong = campaign.wrongClass(k);
      const found = await apgd(onRows(run, rest), {
        loss: 'targeted-ce',
        targets: Int32Array.from(rest, (row) => wrong[row]!),
        iterations,
        start: takeRows(start, rest),
        score: certainties,
      });
      await strongest.offer(found.pixels, rest);
    }
    return attacked([await strongest.outcome()], tally);
  },
};

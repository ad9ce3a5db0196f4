import { float32, type Tensor } from '../../tensor.ts';
import { clip01, rowViews } from '../ball.ts';
import { climbPasses, hasIndependentRows, servingPasses } from '../passes.ts';
import { createRandom } from '../random.ts';
import { putRows, takeRows } from '../row-parts.ts';
import { type Attack, type Outcome, type Scene, VERDICT } from './attack.ts';
import { draw } from './mixed.ts';
import { Tally } from './run.ts';
import { attacked, judge, serve } from './serving.ts';

/** The share of a batch that is the attacker's. */
const SHARES = [0.05, 0.2] as const;

/**
 * Pixels may become any others, as the rows are the attacker's own: steps of 2/255 would take long to cross
 * the whole range.
 */
const STEP = 0.05;

/**
 * Malicious rows that make the others wrong, through what the batch shares while adapted parameters are held
 * fixed; none where rows share nothing then, as a gradient reaches no other row.
 */
async function crafted(
  scene: Scene,
  tally: Tally,
  malicious: readonly number[],
): Promise<Tensor<'float32'>[]> {
  const { batch, defence, budget, signal } = scene;
  if (defence.independentRows) return [];
  // Where the recipe chooses, the attacker's rows can bring the batch to the statistics that rows share.
  const held = await defence.hold(batch.images, { statistics: 'blend', ...(signal && { signal }) });
  const target = tally.watch(held);
  if (target.independentRows) return [];
  const isMalicious = new Set(malicious);
  const weights = Float64Array.from(batch.labels, (_, row) => (isMalicious.has(row) ? 0 : 1));
  const x = float32(batch.images.dims, batch.images.data.slice());
  const points = rowViews(x);
  const of = { name: 'ce', labels: batch.labels, weights } as const;
  for (let done = 0; done < budget.iterations; done++) {
    const gradients = rowViews((await target.lossAndGradient(x, of, signal)).gradient);
    for (const row of malicious) {
      const [point, gradient] = [points[row]!, gradients[row]!];
      for (let i = 0; i < point.length; i++) point[i] = clip01(point[i]! + STEP * Math.sign(gradient[i]!));
    }
  }
  return [x];
}

/** Accuracy of the rows that nobody has changed, under the worst of several kinds of malicious rows. */
async function judgeMates(
  scene: Scene,
  candidates: readonly Tensor<'float32'>[],
  share: number,
  malicious: readonly number[],
): Promise<Outcome> {
  const { images } = scene.batch;
  let worst: Outcome | undefined;
  const rightOf = ({ verdicts }: Outcome) => verdicts.filter((verdict) => verdict === VERDICT.right).length;
  for (const candidate of candidates) {
    const pixels = float32(images.dims, images.data.slice());
    putRows(pixels, malicious, takeRows(candidate, malicious));
    const { batch } = await serve(scene, pixels);
    const verdicts = judge(batch);
    for (const row of malicious) verdicts[row] = VERDICT.unasked;
    const outcome = { variant: `${100 * share} %`, verdicts, served: [batch] };
    if (worst === undefined || rightOf(outcome) < rightOf(worst)) worst = outcome;
  }
  return worst!;
}

/** Images of black and white pixels: nothing that a network has statistics of. */
function noise(scene: Scene): Tensor<'float32'> {
  const random = createRandom(scene.seed, 'static');
  return float32(
    scene.batch.images.dims,
    scene.batch.images.data.map(() => (random.uniform() < 0.5 ? 0 : 1)),
  );
}

/** Whether a stranger's rows in the same batch can make one's own wrong. */
export const batchMates: Attack = {
  says: 'Some rows of a batch are malicious, of any pixels, and the others are judged, which nobody has changed: the worst of gradients through what the batch shares, of transfer points and of black and white noise.',
  knows: "The model's file, the recipe, and the other rows of the batch.",
  source: 'Wu et al. 2023 (Uncovering Adversarial Risks of Test-Time Adaptation)',
  seesAdaptation: true,
  countsForWorst: false,
  usesPoints: true,
  passes: ({ recipe, budget }) =>
    SHARES.length *
    (3 * servingPasses(recipe) + (hasIndependentRows(recipe) ? 0 : climbPasses(budget.iterations))),
  async run(scene) {
    const { batch, seed, points, onProgress } = scene;
    const tally = new Tally();
    const rows = batch.labels.length;
    const random = createRandom(seed, 'malicious');
    const others = [(await points.transfer(scene)).pixels, noise(scene)];
    const outcomes: Outcome[] = [];
    for (const [i, share] of SHARES.entries()) {
      const malicious = draw(random, Math.max(1, Math.round(share * rows)), rows);
      // What is served shows that nothing reaches the others where rows are independent.
      const candidates = [...(await crafted(scene, tally, malicious)), ...others];
      outcomes.push(await judgeMates(scene, candidates, share, malicious));
      onProgress?.((i + 1) / SHARES.length);
    }
    return attacked(outcomes, tally);
  },
};

import { float32, type Tensor } from '../../tensor.ts';
import { servingPasses } from '../passes.ts';
import { createRandom, type Random } from '../random.ts';
import { putRows, takeRows } from '../row-parts.ts';
import { type Attack, type Outcome, type Scene, type ServedBatch, VERDICT } from './attack.ts';
import { Tally } from './run.ts';
import { attacked, judge, serve } from './serving.ts';

/** The shares of adversarial rows; the least is one row among fifteen that nobody has changed. */
const SHARES = [0.1, 0.25, 0.5, 0.75, 0.9] as const;
const ONE_AMONG = 16;

/** `count` of the numbers below `of`, in random order. */
export function draw(random: Random, count: number, of: number): number[] {
  const all = Array.from({ length: of }, (_, i) => i);
  for (let i = 0; i < Math.min(count, of); i++) {
    const j = i + random.below(of - i);
    [all[i], all[j]] = [all[j]!, all[i]!];
  }
  return all.slice(0, count);
}

/** Serves the rows `served`, of which `changed` are adversarial, and judges these. */
async function serveMixed(
  scene: Scene,
  adversarial: Tensor<'float32'>,
  served: readonly number[],
  changed: readonly number[],
  verdicts: Int8Array,
): Promise<ServedBatch> {
  const { images } = scene.batch;
  const pixels = float32(images.dims, images.data.slice());
  putRows(pixels, changed, takeRows(adversarial, changed));
  const { batch } = await serve(scene, takeRows(pixels, served), served);
  const judged = judge(batch);
  for (const [i, row] of served.entries()) if (changed.includes(row)) verdicts[row] = judged[i]!;
  return batch;
}

const unasked = (rows: number): Int8Array => new Int8Array(rows).fill(VERDICT.unasked);

/** One row among fifteen clean ones, for as many rows as a batch has groups of sixteen. */
async function oneAmongMany(scene: Scene, adversarial: Tensor<'float32'>, random: Random): Promise<Outcome> {
  const rows = scene.batch.labels.length;
  const verdicts = unasked(rows);
  const order = draw(random, rows, rows);
  const served: ServedBatch[] = [];
  for (let from = 0; from + ONE_AMONG <= rows; from += ONE_AMONG) {
    const group = order.slice(from, from + ONE_AMONG);
    served.push(await serveMixed(scene, adversarial, group, group.slice(0, 1), verdicts));
  }
  return { variant: `1 of ${ONE_AMONG}`, verdicts, served };
}

/** Adversarial rows among clean ones: a batch that needs little adaptation gets little. */
export const mixed: Attack = {
  says: 'Transfer points among images that nobody has changed, in shares from one of sixteen to 90 %; the adversarial rows are judged.',
  knows: "The model's file, and which share of a batch is the attacker's.",
  source: 'dent paper, table 6',
  seesAdaptation: false,
  countsForWorst: false,
  usesPoints: true,
  passes: ({ recipe }) => (1 + SHARES.length) * servingPasses(recipe),
  async run(scene) {
    const { batch, seed, points, onProgress } = scene;
    const { pixels } = await points.transfer(scene);
    const random = createRandom(seed, 'mixed');
    const rows = batch.labels.length;
    const every = Array.from({ length: rows }, (_, row) => row);
    const outcomes: Outcome[] = rows < ONE_AMONG ? [] : [await oneAmongMany(scene, pixels, random)];
    for (const [i, share] of SHARES.entries()) {
      const verdicts = unasked(rows);
      const changed = draw(random, Math.max(1, Math.round(share * rows)), rows);
      const served = [await serveMixed(scene, pixels, every, changed, verdicts)];
      outcomes.push({ variant: `${100 * share} %`, verdicts, served });
      onProgress?.((i + 1) / SHARES.length);
    }
    return attacked(outcomes, new Tally());
  },
};

import { hasIndependentRows, servingPasses } from '../passes.ts';
import { createRandom } from '../random.ts';
import { takeRows } from '../row-parts.ts';
import { type Attack, type Outcome, type Scene, type ServedBatch, VERDICT } from './attack.ts';
import { draw } from './mixed.ts';
import { Tally } from './run.ts';
import { attacked, inVariants, judge, serve, servedOnce } from './serving.ts';

/** Each takes a batch of its own: so many of a batch's rows are tried where rows depend on one another. */
const ROWS_TRIED = 8;

/** Serves `copies` copies of single rows. Each is judged by the first copy: they all get one answer. */
async function serveCopies(
  scene: Scene,
  rows: readonly number[],
  copies: number,
  variant: string,
): Promise<Outcome> {
  const { pixels } = await scene.points.transfer(scene);
  const verdicts = new Int8Array(scene.batch.labels.length).fill(VERDICT.unasked);
  const served: ServedBatch[] = [];
  for (const row of rows) {
    const same = new Array<number>(copies).fill(row);
    const { batch } = await serve(scene, takeRows(pixels, same), same);
    verdicts[row] = judge(batch)[0]!;
    served.push(batch);
  }
  return { variant, verdicts, served };
}

/**
 * An attacker who fills the batch, or sends one image: objectives that want a variety of classes have nothing
 * to go by.
 */
export const duplicates: Attack = {
  says: 'A batch of copies of one transfer point, and a batch of it alone.',
  knows: "The model's file, and how to have a batch to oneself.",
  source: 'dent-serve; infomax on a batch of one image is constant',
  seesAdaptation: false,
  countsForWorst: true,
  usesPoints: true,
  passes: ({ recipe }) => (hasIndependentRows(recipe) ? 1 : ROWS_TRIED) * servingPasses(recipe),
  async run(scene) {
    const { batch, defence, seed, points, onProgress } = scene;
    // Copies change nothing where rows are independent.
    if (defence.independentRows) {
      const outcome = await servedOnce(scene, (await points.transfer(scene)).pixels);
      return attacked(inVariants(outcome, ['copies', 'single']), new Tally());
    }
    const count = batch.labels.length;
    const rows = draw(createRandom(seed, 'duplicates'), Math.min(ROWS_TRIED, count), count);
    const copies = await serveCopies(scene, rows, count, 'copies');
    onProgress?.(0.9);
    const single = await serveCopies(scene, rows, 1, 'single');
    onProgress?.(1);
    return attacked([copies, single], new Tally());
  },
};

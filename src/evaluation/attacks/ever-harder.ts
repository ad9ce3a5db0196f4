import { float32, type Tensor } from '../../tensor.ts';
import type { CurveStage } from '../curves.ts';
import type { OpenTarget } from '../target.ts';
import { apgd } from './apgd.ts';
import type { Scene } from './attack.ts';
import { Campaign } from './campaign.ts';
import { StrongestServed } from './serving.ts';

export type Probed = Omit<Scene, 'points'>;

/**
 * Attacks a network ever harder: each stage goes on with the rows that are left. APGD on the margin, which
 * has a gradient however sure the network is, from the image itself: a gradient of zeros moves nothing.
 */
export async function attackEverHarder(
  { batch, seed, signal, onProgress }: Pick<Probed, 'batch' | 'seed' | 'signal' | 'onProgress'>,
  target: OpenTarget,
  stages: readonly CurveStage[],
): Promise<Tensor<'float32'>[]> {
  const [{ ball }] = stages as [CurveStage];
  const campaign = await Campaign.open({ batch, target, ball, seed, signal, onProgress });
  const total = stages.reduce((sum, { iterations }) => sum + iterations, 0);
  const snapshots: Tensor<'float32'>[] = [];
  for (const [i, { at, ball: own, iterations }] of stages.entries()) {
    // A row that the network has wrong as it is may be right under a recipe.
    const rows = i === 0 ? 'all' : 'rest';
    await campaign.run(`curve ${at}`, iterations / total, rows, (run) =>
      apgd({ ...run, ball: own }, { loss: 'margin', iterations, start: run.batch.images }),
    );
    const { pixels } = campaign.found;
    snapshots.push(float32(pixels.dims, pixels.data.slice()));
  }
  return snapshots;
}

/** What became of the rows as they are, and after each stage. */
export interface Endured {
  readonly natural: Int8Array;
  readonly stages: readonly Int8Array[];
}

/**
 * Serves the points of each stage that were found on the network as it is, and where `sees` those found on
 * the network with the parameters that the recipe adapts to the batch as it is, held fixed. The strongest
 * that was served so far counts: what fewer steps or a smaller eps could break, more can.
 */
export async function endure(
  scene: Probed,
  stages: readonly CurveStage[],
  transferred: readonly Tensor<'float32'>[],
  sees: boolean,
): Promise<Endured> {
  const { batch, defence, signal } = scene;
  const strongest = new StrongestServed(scene);
  await strongest.offer(batch.images);
  const { verdicts: natural } = await strongest.outcome();
  const held =
    sees && defence.adapts
      ? await attackEverHarder(scene, await defence.hold(batch.images, signal && { signal }), stages)
      : undefined;
  const verdicts: Int8Array[] = [];
  for (const [i, points] of transferred.entries()) {
    await strongest.offer(points);
    if (held) await strongest.offer(held[i]!);
    verdicts.push((await strongest.outcome()).verdicts);
  }
  return { natural, stages: verdicts };
}

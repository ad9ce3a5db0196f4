import type { Tensor } from '../tensor.ts';
import { attackEverHarder, endure, type Probed } from './attacks/ever-harder.ts';
import { CURVE_IMAGES, type CurveName, type CurvePlan, type CurveRun } from './curves.ts';
import type { LabelledFile } from './dataset.ts';
import type { Piece } from './pace.ts';
import { adapts, climbPasses, servingPasses } from './passes.ts';

/** What became of the images at one point of a curve. */
export interface CurveRowsPoint {
  readonly at: number;
  readonly verdicts: Int8Array;
  /** As they are, under the recipe that was served at this point. */
  readonly natural: Int8Array;
}

/** A curve as it was measured. */
export interface CurveRows {
  readonly along: CurveName;
  readonly recipe: string;
  /** Where the other figures of the report are. */
  readonly own: number;
  readonly points: readonly CurveRowsPoint[];
}

export interface CurvesPlan {
  readonly curves: readonly CurvePlan[];
  /** Whether an attacker is to see what the recipe adapts to the batch. */
  readonly sees: boolean;
}

/** The images of the curves: no more than a batch, because that is what recipes are served in. */
export const curveFiles = (files: readonly LabelledFile[], batchSize: number): readonly LabelledFile[] =>
  files.slice(0, Math.min(CURVE_IMAGES, batchSize));

/** Stages for which the points on the network as it is are the same. */
const keyOf = ({ stages }: CurveRun): string =>
  JSON.stringify(stages.map(({ ball, iterations }) => [ball.eps, iterations]));

/** The work for a row; `transfers` where the points on the network as it is are still to be made. */
function runPasses({ recipe, stages }: CurveRun, sees: boolean, transfers: boolean): number {
  const climb = climbPasses(stages.reduce((sum, { iterations }) => sum + iterations, 0));
  const holds = sees && adapts(recipe);
  const climbs = (transfers ? 1 : 0) + (holds ? 1 : 0);
  // As it is, and the strongest again; for each stage what was found, and the strongest again.
  const served = 2 + stages.length * (holds ? 3 : 2);
  return climbs * climb + (served + (holds ? 1 : 0)) * servingPasses(recipe);
}

/** The curves in the order in which they are measured, for the one who tells how long it will take. */
export function curvePieces({ curves, sees }: CurvesPlan, images: number): Piece[] {
  const made = new Set<string>();
  return curves.map(({ along, recipe, runs }) => {
    let passes = 0;
    for (const run of runs) {
      passes += runPasses(run, sees, !made.has(keyOf(run)));
      made.add(keyOf(run));
    }
    return { kind: `curve ${along} on ${recipe} of ${images}`, weight: images * passes };
  });
}

export interface CurveMeans {
  scene(recipe: string, batch: Probed['batch'], index: number): Probed;
  readonly progress: { begin(what: string): void; share(share: number): void; end(): void };
  readonly signal: AbortSignal;
}

/**
 * Measures curves on a few images. The points on the network as it is are made once and served under every
 * recipe.
 */
export async function* measureCurves(
  { curves, sees }: CurvesPlan,
  means: CurveMeans,
  batch: Probed['batch'],
  index: number,
): AsyncGenerator<CurveRows> {
  const { progress, signal } = means;
  const transferred = new Map<string, Promise<Tensor<'float32'>[]>>();
  function transfer(scene: Probed, run: CurveRun): Promise<Tensor<'float32'>[]> {
    const key = keyOf(run);
    const known = transferred.get(key) ?? attackEverHarder(scene, scene.network, run.stages);
    transferred.set(key, known);
    return known;
  }
  for (const { along, recipe, own, runs } of curves) {
    signal.throwIfAborted();
    progress.begin(`${recipe}, accuracy against ${along}`);
    const points: CurveRowsPoint[] = [];
    for (const [i, run] of runs.entries()) {
      const onProgress = (share: number): void => progress.share((i + share) / runs.length);
      const scene = { ...means.scene(run.serves, batch, index), signal, onProgress };
      const found = await transfer(scene, run);
      const { natural, stages } = await endure(scene, run.stages, found, sees);
      points.push(...stages.map((verdicts, k) => ({ at: run.stages[k]!.at, verdicts, natural })));
    }
    signal.throwIfAborted();
    progress.end();
    yield { along, recipe, own, points };
  }
}

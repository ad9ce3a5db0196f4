import {
  type Attack,
  type Attacked,
  type Outcome,
  type Scene,
  type Stage,
  VERDICT,
  type Work,
} from './attacks/attack.ts';
import { distances } from './ball.ts';
import { takeRows } from './row-parts.ts';

/** What became of all images under one figure of an attack. */
export interface AttackRows extends Work {
  readonly verdicts: Int8Array;
  readonly countsForWorst: boolean;
  readonly seesAdaptation: boolean;
  /** Images that were served as they are, and were right. */
  readonly unmoved: number;
  /** Images that were changed by more than eps. */
  readonly beyond: number;
  /** How many rows the attacked network had right after each part of the attack, where it has parts. */
  readonly stages: readonly Stage[];
}

export const unasked = (count: number): Int8Array => new Int8Array(count).fill(VERDICT.unasked);

/** An attack's figure is called by its name, and where it has several by that and what tells them apart. */
export const figureName = (attack: string, { variant }: Outcome): string =>
  variant === undefined ? attack : `${attack} ${variant}`;

/** The attack that a figure is of. */
export const attackOf = (figure: string): string => figure.split(' ', 1)[0]!;

/** Before the first batch. */
export const noRows = ({ countsForWorst, seesAdaptation }: Attack, count: number): AttackRows => ({
  verdicts: unasked(count),
  countsForWorst,
  seesAdaptation,
  ...{ gradients: 0, zeroGradients: 0, queries: 0, unmoved: 0, beyond: 0 },
  stages: [],
});

/** Rounding moves a point by less, in units of eps. */
const ROUNDING = 1e-4;

/**
 * What became of the images themselves: how many that were served as they are were right, and how many were
 * changed by more than eps. Where not all of a batch is attacked within eps, nothing was done if nothing in
 * it has changed.
 */
function changes(countsForWorst: boolean, { verdicts, served }: Outcome, { batch, ball }: Scene) {
  const unmoved = new Set<number>();
  const beyond = new Set<number>();
  for (const { pixels, rows } of served) {
    const moved = distances(takeRows(batch.images, rows), pixels, ball);
    const isSame = moved.every((distance) => distance === 0);
    for (const [i, distance] of moved.entries()) {
      const row = rows[i]!;
      const stands = countsForWorst ? distance === 0 : isSame;
      if (stands && verdicts[row] === VERDICT.right) unmoved.add(row);
      if (countsForWorst && distance > 1 + ROUNDING) beyond.add(row);
    }
  }
  return { unmoved: unmoved.size, beyond: beyond.size };
}

const addStages = (known: readonly Stage[], stages: readonly Stage[]): Stage[] =>
  stages.map(({ name, right }, i) => ({ name, right: right + (known[i]?.right ?? 0) }));

interface Batch {
  readonly scene: Scene;
  readonly cost: Omit<Attacked, 'outcomes'>;
  /** The place of the batch's first image among all. */
  readonly first: number;
}

/** What is known with the outcome on one more batch. */
export function withOutcome(known: AttackRows, outcome: Outcome, { scene, cost, first }: Batch): AttackRows {
  const { work, stages = [] } = cost;
  const { unmoved, beyond } = changes(known.countsForWorst, outcome, scene);
  const verdicts = known.verdicts.slice();
  verdicts.set(outcome.verdicts, first);
  return {
    ...known,
    verdicts,
    gradients: known.gradients + work.gradients,
    zeroGradients: known.zeroGradients + work.zeroGradients,
    queries: known.queries + work.queries,
    unmoved: known.unmoved + unmoved,
    beyond: known.beyond + beyond,
    stages: addStages(known.stages, stages),
  };
}

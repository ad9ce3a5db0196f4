import type { Attack } from './attack.ts';
import { batchMates } from './batch-mates.ts';
import { confidence } from './confidence.ts';
import { duplicates } from './duplicates.ts';
import { fpa, gmsa } from './gmsa.ts';
import { mixed } from './mixed.ts';
import { pgdAttack } from './pgd-attack.ts';
import { smoothedAttack } from './smoothed.ts';
import { queries, squareAttack } from './square-attacks.ts';
import { stepsEnsemble } from './steps-ensemble.ts';
import { transfer } from './transfer.ts';
import { whiteBox } from './white-box.ts';

/** Every attack of the report, by its name on the command line. A new one is a file and a line here. */
export const ATTACKS = {
  pgd: pgdAttack,
  transfer,
  'white-box': whiteBox,
  fpa,
  gmsa,
  square: squareAttack,
  confidence,
  queries,
  steps: stepsEnsemble,
  smoothed: smoothedAttack,
  mixed,
  duplicates,
  'batch-mates': batchMates,
} as const satisfies Record<string, Attack>;

export type AttackName = keyof typeof ATTACKS;

const ALL = Object.keys(ATTACKS) as AttackName[];

/** Names that stand for several attacks. */
export const ATTACK_SETS: Readonly<Record<string, readonly AttackName[]>> = {
  none: [],
  standard: ['transfer', 'white-box', 'gmsa', 'square'],
  all: ALL,
};

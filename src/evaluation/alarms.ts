import { type Attack, VERDICT } from './attacks/attack.ts';
import { gainOf, isStatic, shareOf, worstOf } from './figures.ts';
import type { AttackRows, RecipeRows } from './measure.ts';
import { isGain, isLoss } from './statistics.ts';

/** Something that makes a figure less than it looks. */
export interface Alarm {
  readonly code: AlarmCode;
  readonly text: string;
}

export type AlarmCode =
  | 'masked-gradients'
  | 'square-beats-gradients'
  | 'zero-gradients'
  | 'worse-than-static';

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

const accuracy = (verdicts: Int8Array): string => percent(shareOf(verdicts).accuracy);

const TRANSFER = 'transfer';
const SQUARE = 'square';

/**
 * An attack that sees the adaptation can do all that one does which does not: where it achieves less, its
 * gradients mislead it.
 */
function masked({ name, attacks }: RecipeRows, seed: number): Alarm[] {
  const transfer = attacks[TRANSFER];
  if (transfer === undefined) return [];
  return Object.entries(attacks)
    .filter(([, { seesAdaptation, countsForWorst }]) => seesAdaptation && countsForWorst)
    .filter(([, { verdicts }]) => isGain(gainOf(verdicts, transfer.verdicts, seed)))
    .map(([attack, { verdicts }]) => ({
      code: 'masked-gradients',
      text: `${name}: ${attack} sees the adaptation and leaves ${accuracy(verdicts)} right, transfer, which does not, ${accuracy(transfer.verdicts)}. Its gradients are masked, so a stronger attack may well exist.`,
    }));
}

/** More of all images than this, and more than one, broken by Square alone: AutoAttack's own rule. */
const SQUARE_SHARE = 0.002;

function square(rows: RecipeRows, complete: number): Alarm[] {
  const { [SQUARE]: found, ...others } = rows.attacks;
  const hasGradients = Object.values(others).some(({ countsForWorst }) => countsForWorst);
  if (found === undefined || !hasGradients) return [];
  const without = worstOf({ ...rows, attacks: others }, complete);
  const all = worstOf(rows, complete);
  const alone = all.filter((verdict, i) => verdict === VERDICT.wrong && without[i] === VERDICT.right).length;
  if (alone <= Math.max(1, SQUARE_SHARE * complete)) return [];
  return [
    {
      code: 'square-beats-gradients',
      text: `${rows.name}: Square, which asks for answers alone, breaks ${alone} images that no attack with gradients broke. The gradients are of little use, so the figures are too high.`,
    },
  ];
}

/** The share of gradients that may be zero before their attack is doubted. */
const ZERO_SHARE = 0.1;

const zeroGradients = ({ name, attacks }: RecipeRows): Alarm[] =>
  Object.entries(attacks)
    .filter(([, { gradients, zeroGradients: zero }]) => gradients > 0 && zero / gradients > ZERO_SHARE)
    .map(([attack, { gradients, zeroGradients: zero }]) => ({
      code: 'zero-gradients',
      text: `${name}: ${percent(zero / gradients)} of the gradients that ${attack} followed were zero throughout, so it could not search there.`,
    }));

const hasAttacks = (attacks: Readonly<Record<string, AttackRows>>): boolean =>
  Object.values(attacks).some(({ countsForWorst }: Pick<Attack, 'countsForWorst'>) => countsForWorst);

function worse(rows: RecipeRows, base: RecipeRows | undefined, complete: number, seed: number): Alarm[] {
  if (base === undefined || base === rows || complete === 0) return [];
  if (!hasAttacks(rows.attacks) || !hasAttacks(base.attacks)) return [];
  const [own, its] = [worstOf(rows, complete), worstOf(base, complete)];
  const gain = gainOf(own, its, seed);
  if (!isLoss(gain)) return [];
  const [by] = Object.entries(rows.attacks)
    .filter(([, { countsForWorst }]) => countsForWorst)
    .sort(([, a], [, b]) => shareOf(a.verdicts).accuracy - shareOf(b.verdicts).accuracy);
  return [
    {
      code: 'worse-than-static',
      text: `${rows.name}: under the worst of all attacks it is right less often (${accuracy(own)}) than the model as it is (${accuracy(its)}); ${by![0]} breaks it most. It is no defence.`,
    },
  ];
}

/** What the figures warn of. */
export function alarmsOf(recipes: readonly RecipeRows[], complete: number, seed: number): Alarm[] {
  const base = recipes.find(isStatic);
  return recipes.flatMap((rows) => [
    ...masked(rows, seed),
    ...square(rows, complete),
    ...zeroGradients(rows),
    ...worse(rows, base, complete, seed),
  ]);
}

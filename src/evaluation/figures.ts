import type { Recipe } from '../dent/index.ts';
import { VERDICT } from './attacks/attack.ts';
import type { RecipeRows } from './measure.ts';
import { type Difference, differences, type Interval, pairedDifference, wilson } from './statistics.ts';

/** How often a recipe was right, in fractions. */
export interface Share {
  readonly correct: number;
  readonly of: number;
  readonly accuracy: number;
  /** Of 95 %, by Wilson. */
  readonly interval: Interval;
}

export interface Figure extends Share {
  /**
   * The paired difference to the model as it is, on the same images; absent for `static` itself, or where
   * that was not measured.
   */
  readonly gain?: Difference;
}

export function shareOf(verdicts: Int8Array): Share {
  let correct = 0;
  let of = 0;
  for (const verdict of verdicts) {
    if (verdict === VERDICT.unasked) continue;
    of += 1;
    if (verdict === VERDICT.right) correct += 1;
  }
  return { correct, of, accuracy: of === 0 ? 0 : correct / of, interval: wilson(correct, of) };
}

/** How much more often the one is right than the other, on the rows that both were asked about. */
export function gainOf(verdicts: Int8Array, base: Int8Array, seed: number): Difference {
  const both = Array.from(verdicts.keys()).filter(
    (i) => verdicts[i] !== VERDICT.unasked && base[i] !== VERDICT.unasked,
  );
  const right = (of: Int8Array) => both.map((i) => (of[i] === VERDICT.right ? 1 : 0));
  return pairedDifference(differences(right(verdicts), right(base)), seed);
}

export function figureOf(verdicts: Int8Array, base: Int8Array | undefined, seed: number): Figure {
  const share = shareOf(verdicts);
  if (base === undefined || base === verdicts) return share;
  return { ...share, gain: gainOf(verdicts, base, seed) };
}

/**
 * A verdict for each image of the completed batches: right where it is right as it is and no attack that
 * counts has broken it.
 */
export function worstOf({ natural, attacks }: RecipeRows, complete: number): Int8Array {
  const counting = Object.values(attacks).filter(({ countsForWorst }) => countsForWorst);
  return natural
    .slice(0, complete)
    .map((verdict, i) =>
      counting.some(({ verdicts }) => verdicts[i] === VERDICT.wrong) ? VERDICT.wrong : verdict,
    );
}

/** The recipe that others are compared with: the model as it is. */
export const isStatic = ({ recipe }: { readonly recipe: Recipe }): boolean =>
  recipe.steps === 0 && recipe.statistics === 'source' && recipe.sigma === 'off';

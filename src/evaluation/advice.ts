import { PRESETS, type Recipe } from '../dent/index.ts';
import { VERDICT } from './attacks/attack.ts';
import { gainOf, isStatic, worstOf } from './figures.ts';
import type { RecipeRows } from './measure.ts';
import { type Difference, differences, isGain, isLoss, pairedDifference } from './statistics.ts';

export type Aim = 'natural' | 'shift' | 'attack';

/** Which recipe to take, for one aim. */
export interface Advice {
  readonly aim: Aim;
  /** `none` where no recipe gains: then serve the model as it is. */
  readonly recipe: string;
  readonly because: string;
  /** What the recipe costs beside the model as it is; absent with `none`. */
  readonly price?: { readonly msPerImage: number; readonly natural: Difference };
  /** What to paste into `model.json`. */
  readonly manifest: Readonly<Record<string, unknown>>;
}

const AIMS: Readonly<Record<Aim, string>> = {
  natural: 'images as they are',
  shift: 'shifted images, on average over all shifts',
  attack: 'attacked images, by the worst of all attacks row by row',
};

const signed = (points: number): string => `${points < 0 ? '' : '+'}${points.toFixed(1)}`;

export const differenceText = ({ points, interval: [low, high] }: Difference): string =>
  `${signed(points)} points (${signed(low)} to ${signed(high)})`;

/**
 * A recipe as a manifest writes it: its preset alone where it is one, otherwise what it has other than the
 * model as it is.
 */
export function writtenRecipe(recipe: Recipe): Record<string, unknown> {
  const preset = Object.entries(PRESETS).find(([, each]) => JSON.stringify(each) === JSON.stringify(recipe));
  if (preset) return { preset: preset[0] };
  return Object.fromEntries(
    Object.entries(recipe).filter(([field, value]) => PRESETS.static[field as keyof Recipe] !== value),
  );
}

const manifestOf = (name: string, recipe: Recipe): Record<string, unknown> => ({
  recipes: { [name]: writtenRecipe(recipe) },
  defaultRecipe: name,
});

/** The share of shifts under which each image is right, of the images that were served under all of them. */
function meanOverShifts({ shifts }: RecipeRows, images: readonly number[]): number[] {
  const all = Object.values(shifts);
  return images.map((i) => all.filter((verdicts) => verdicts[i] === VERDICT.right).length / all.length);
}

function shiftGain(rows: RecipeRows, base: RecipeRows, seed: number): Difference {
  const all = Object.values(rows.shifts);
  const images = Array.from(rows.natural.keys()).filter((i) =>
    all.every((verdicts) => verdicts[i] !== VERDICT.unasked),
  );
  return pairedDifference(differences(meanOverShifts(rows, images), meanOverShifts(base, images)), seed);
}

/** How a recipe's gain for an aim is measured; undefined where nothing was measured for it. */
function gainsFor(aim: Aim, rows: RecipeRows, base: RecipeRows, complete: number, seed: number) {
  if (aim === 'natural') return gainOf(rows.natural, base.natural, seed);
  if (aim === 'shift') {
    return Object.keys(rows.shifts).length === 0 ? undefined : shiftGain(rows, base, seed);
  }
  const isMeasured = complete > 0 && Object.values(base.attacks).some(({ countsForWorst }) => countsForWorst);
  return isMeasured ? gainOf(worstOf(rows, complete), worstOf(base, complete), seed) : undefined;
}

const msPerImage = ({ milliseconds, rows }: RecipeRows): number => (rows === 0 ? 0 : milliseconds / rows);

function reason(aim: Aim, gain: Difference, natural: Difference): string {
  const claim = `On ${AIMS[aim]}, it is right more often than the model as it is: ${differenceText(gain)}.`;
  if (aim === 'natural') return claim;
  const price = isLoss(natural) ? 'It costs on images as they are' : 'On images as they are';
  return `${claim} ${price}: ${differenceText(natural)}.`;
}

/** Of the attacks that see the adaptation the one that does not begin with the points of transfer. */
const WHITE_BOX = 'white-box';

/** What a gain under attack is worth where one kind of attack is missing. */
function untried({ attacks }: RecipeRows): string {
  const counted = Object.entries(attacks).filter(([, { countsForWorst }]) => countsForWorst);
  if (!counted.some(([, { seesAdaptation }]) => seesAdaptation))
    return ' No attack that sees the adaptation was tried: rely on it only after --attacks standard.';
  if (counted.every(([name]) => name === WHITE_BOX))
    return ' No attack but white-box was tried, and what a recipe adapts may mask its gradients: rely on it only after --attacks standard.';
  return '';
}

/**
 * For each aim the recipe that gains most, where the interval of its gain lies above 0. Nothing is said where
 * `static` was not measured.
 */
export function advise(recipes: readonly RecipeRows[], complete: number, seed: number): Advice[] {
  const base = recipes.find(isStatic);
  if (base === undefined) return [];
  const advice: Advice[] = [];
  for (const aim of Object.keys(AIMS) as Aim[]) {
    const gains = recipes
      .filter((each) => each !== base)
      .flatMap((rows) => {
        const gain = gainsFor(aim, rows, base, complete, seed);
        return gain === undefined ? [] : [{ rows, gain }];
      });
    if (gains.length === 0) continue;
    const [best] = gains.filter(({ gain }) => isGain(gain)).sort((a, b) => b.gain.points - a.gain.points);
    advice.push(best ? take(aim, best.rows, best.gain, base, seed) : takeNone(aim, gains, base));
  }
  return advice;
}

function take(aim: Aim, rows: RecipeRows, gain: Difference, base: RecipeRows, seed: number): Advice {
  const natural = gainOf(rows.natural, base.natural, seed);
  return {
    aim,
    recipe: rows.name,
    because: `${reason(aim, gain, natural)}${aim === 'attack' ? untried(rows) : ''}`,
    price: { msPerImage: msPerImage(rows) - msPerImage(base), natural },
    manifest: manifestOf(rows.name, rows.recipe),
  };
}

function takeNone(
  aim: Aim,
  gains: readonly { readonly rows: RecipeRows; readonly gain: Difference }[],
  base: RecipeRows,
): Advice {
  const nearest = gains.toSorted((a, b) => b.gain.points - a.gain.points)[0]!;
  return {
    aim,
    recipe: 'none',
    because: `On ${AIMS[aim]}, no recipe gains on the model as it is; the nearest, ${nearest.rows.name}: ${differenceText(nearest.gain)}.`,
    manifest: manifestOf(base.name, base.recipe),
  };
}

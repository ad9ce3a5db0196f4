import { PRESETS, type Recipe } from '../dent/index.ts';
import { type Alarm, type AlarmCode, FLATTERING } from './alarms.ts';
import { attackOf } from './attack-rows.ts';
import { VERDICT } from './attacks/attack.ts';
import { ATTACK_SETS } from './attacks/index.ts';
import { gainOf, isStatic, worstOf } from './figures.ts';
import type { RecipeRows } from './measure.ts';
import {
  type Difference,
  differences,
  differenceText,
  isGain,
  isLoss,
  pairedDifference,
} from './statistics.ts';

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

/** What advice is for, as its heading says it. */
export const AIM_NAMES: Readonly<Record<Aim, string>> = {
  natural: 'images as they are',
  shift: 'natural shift',
  attack: 'attack',
};

/** What the advised recipe costs in time, beside what the model as it is takes for an image. */
export const timeText = ({ price }: Advice, { msPerImage: base }: { readonly msPerImage: number }): string =>
  price && base > 0
    ? ` It takes ${((price.msPerImage + base) / base).toFixed(1)} times the time of static.`
    : '';

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

const WORSE: AlarmCode = 'worse-than-static';

/** What a gain under attack is worth where an attack is missing that often leaves none. */
function untried({ attacks }: RecipeRows): string {
  const tried = new Set(Object.keys(attacks).map(attackOf));
  const missing = ATTACK_SETS.standard!.filter((name) => !tried.has(name));
  if (missing.length === 0) return '';
  return ` Not tried: ${missing.join(', ')}. Rely on it only after --attacks standard.`;
}

/** What the recipe's alarms say of advising it. */
function doubts(aim: Aim, { name }: RecipeRows, alarms: readonly Alarm[]): string {
  const about = alarms.filter(({ recipe = name }) => recipe === name);
  const own = new Set(about.map(({ code }) => code));
  if (aim !== 'attack')
    return own.has(WORSE) ? ' Under attack it is worse than the model as it is: see the alarm.' : '';
  const flattering = FLATTERING.filter((code) => own.has(code));
  if (flattering.length === 0) return '';
  return ` This gain is in doubt (${flattering.join(', ')}): a stronger attack may leave less of it, or nothing.`;
}

interface Gained {
  readonly rows: RecipeRows;
  readonly gain: Difference;
}

/** The recipes that do harm, beside the one that is spoken of. */
function harmful(gains: readonly Gained[], spokenOf: Gained): string {
  const losers = gains.filter((each) => each !== spokenOf && isLoss(each.gain));
  if (losers.length === 0) return '';
  const each = losers.map(({ rows, gain }) => `${rows.name} ${differenceText(gain)}`);
  return ` Worse than the model as it is: ${each.join('; ')}.`;
}

/** What there is to choose from for an aim. */
interface Choice {
  readonly aim: Aim;
  /** The best first. */
  readonly gains: readonly [Gained, ...Gained[]];
  readonly base: RecipeRows;
  readonly alarms: readonly Alarm[];
  readonly seed: number;
}

function take({ aim, gains, base, alarms, seed }: Choice): Advice {
  const [{ rows, gain }] = gains;
  const natural = gainOf(rows.natural, base.natural, seed);
  return {
    aim,
    recipe: rows.name,
    because: [
      reason(aim, gain, natural),
      aim === 'attack' ? untried(rows) : '',
      doubts(aim, rows, alarms),
      harmful(gains, gains[0]),
    ].join(''),
    price: { msPerImage: msPerImage(rows) - msPerImage(base), natural },
    manifest: manifestOf(rows.name, rows.recipe),
  };
}

function takeNone({ aim, gains, base }: Choice): Advice {
  const [nearest] = gains;
  const loss = isLoss(nearest.gain) ? ', a loss' : '';
  return {
    aim,
    recipe: 'none',
    because: `On ${AIMS[aim]}, no recipe gains on the model as it is; the nearest, ${nearest.rows.name}: ${differenceText(nearest.gain)}${loss}.${harmful(gains, nearest)}`,
    manifest: manifestOf(base.name, base.recipe),
  };
}

export interface Advised {
  readonly complete: number;
  readonly alarms: readonly Alarm[];
  readonly seed: number;
}

/**
 * For each aim the recipe that gains most, where the interval of its gain lies above 0. Nothing is said where
 * `static` was not measured.
 */
export function advise(recipes: readonly RecipeRows[], { complete, alarms, seed }: Advised): Advice[] {
  const base = recipes.find(isStatic);
  if (base === undefined) return [];
  return (Object.keys(AIMS) as Aim[]).flatMap((aim) => {
    const all = recipes
      .filter((each) => each !== base)
      .flatMap((rows): Gained[] => {
        const gain = gainsFor(aim, rows, base, complete, seed);
        return gain === undefined ? [] : [{ rows, gain }];
      })
      // One that gains by its interval comes before one that may gain more by chance.
      .sort((a, b) => Number(isGain(b.gain)) - Number(isGain(a.gain)) || b.gain.points - a.gain.points);
    const [best, ...others] = all;
    if (best === undefined) return [];
    const choice: Choice = { aim, gains: [best, ...others], base, alarms, seed };
    return [isGain(best.gain) ? take(choice) : takeNone(choice)];
  });
}

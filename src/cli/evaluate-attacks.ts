import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Recipe } from '../dent/index.ts';
import {
  type Attack,
  areAll,
  BUDGETS,
  type Budget,
  type BudgetName,
  CURVES,
  type CurveName,
  type CurvesPlan,
  chooseAttacks,
  chooseCurves,
  curvesOf,
  type Norm,
} from '../evaluation/index.ts';
import { wholeNumber } from './whole-number.ts';

export interface AttackOptions {
  readonly attacks: Readonly<Record<string, Attack>>;
  readonly norm: Norm;
  readonly eps?: number;
  readonly budget: BudgetName;
  readonly iterations?: number;
  readonly targets?: number;
  readonly restarts?: number;
  readonly queries?: number;
  /** Undefined for what goes with the attacks. */
  readonly curves?: readonly CurveName[];
}

/** The paper's own, for networks that were trained against attacks. */
const USUAL_EPS: Readonly<Record<Norm, number>> = { linf: 8 / 255, l2: 0.5 };

/** Beyond this every pixel of a large image can be anything. */
const MOST_EPS = 1000;

function parseEps(text: string): number {
  const [value = Number.NaN, divisor = 1] = text.split('/').map(Number);
  const eps = value / divisor;
  if (/^[0-9.]+(e-?[0-9]+)?(\/[0-9.]+)?$/i.test(text) && eps > 0 && eps <= MOST_EPS) return eps;
  throw new InvalidArgumentError(
    'It must be a number above 0, such as 0.5 or 8/255, for pixels from 0 to 1.',
  );
}

function parseCurves(text: string): CurveName[] {
  try {
    return chooseCurves(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

function parseAttacks(text: string): Record<string, Attack> {
  try {
    return chooseAttacks(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

/** Adds what says which attacks are made, and how strong they are. */
export function addAttackOptions(command: Command): Command {
  const group = (option: Option): Option => option.helpGroup('Attacks:');
  const count = (flag: string, says: string): Option =>
    group(new Option(flag, `${says} (default: the budget's)`).argParser(wholeNumber(1, 1_000_000)));
  return command
    .addOption(
      group(
        new Option('--attacks <list>', 'none, transfer, standard, all, or names of attacks')
          .argParser(parseAttacks)
          .default({}, 'none'),
      ),
    )
    .addOption(
      group(
        new Option('--norm <norm>', 'what bounds the change of an image')
          .choices(Object.keys(USUAL_EPS))
          .default('linf'),
      ),
    )
    .addOption(
      group(
        new Option(
          '--eps <size>',
          'the largest change, for pixels from 0 to 1 (default: 8/255, or 0.5 for l2)',
        ).argParser(parseEps),
      ),
    )
    .addOption(
      group(
        new Option('--budget <name>', 'how much an attacker may try')
          .choices(Object.keys(BUDGETS))
          .default('default'),
      ),
    )
    .addOption(count('--iterations <n>', 'steps of each run'))
    .addOption(count('--targets <n>', 'wrong classes that are tried'))
    .addOption(count('--restarts <n>', 'untargeted runs'))
    .addOption(count('--queries <n>', 'queries of Square for each image'))
    .addOption(
      group(
        new Option(
          '--curves <list>',
          `none, all, or of ${CURVES.join(', ')}: accuracy against each (default: all with --attacks all)`,
        ).argParser(parseCurves),
      ),
    );
}

/** The size of the ball, and what the attacker may spend. */
export function attackLimits({ norm, eps = USUAL_EPS[norm], budget: name, ...own }: AttackOptions): {
  readonly ball: { readonly norm: Norm; readonly eps: number };
  readonly budget: Budget;
} {
  const { iterations, targets, restarts, queries } = own;
  const budget = {
    ...BUDGETS[name],
    ...(iterations !== undefined && { iterations, targetedIterations: iterations }),
    ...(targets !== undefined && { targets }),
    ...(restarts !== undefined && { restarts }),
    ...(queries !== undefined && { queries }),
  };
  return { ball: { norm, eps }, budget };
}

/** The curves that are drawn in full. */
export const fullCurves = ({ attacks, curves }: AttackOptions): readonly CurveName[] =>
  curves ?? (areAll(attacks) ? CURVES : []);

/**
 * What is measured beside the attacks: curves, and of each the points that tell whether attacks are any good.
 */
export function planCurves(
  options: AttackOptions,
  recipes: Readonly<Record<string, Recipe>>,
  pixels: number,
): CurvesPlan {
  const full = fullCurves(options);
  const attacks = Object.values(options.attacks);
  if (attacks.length === 0 && full.length === 0) return { curves: [], sees: false };
  const limits = { ...attackLimits(options), full, pixels };
  return {
    curves: Object.entries(recipes).flatMap(([name, recipe]) => curvesOf(name, recipe, limits)),
    sees: full.length > 0 || attacks.some(({ seesAdaptation }) => seesAdaptation),
  };
}

import type { Recipe } from '../dent/index.ts';
import { InputError } from '../errors.ts';
import type { Ball } from './attacks/attack.ts';
import type { Budget } from './budget.ts';

/** What an accuracy is drawn against. */
export const CURVES = ['eps', 'iterations', 'steps'] as const;
export type CurveName = (typeof CURVES)[number];

/** One point of a curve: an attack of some strength on what is served under some recipe. */
export interface CurveStage {
  /** The eps, the attacker's iterations, or the recipe's steps. */
  readonly at: number;
  readonly ball: Ball;
  readonly iterations: number;
}

/** Stages of growing strength against one recipe. */
export interface CurveRun {
  /** The name of the recipe that is served. */
  readonly serves: string;
  readonly recipe: Recipe;
  readonly stages: readonly CurveStage[];
}

/** A curve of one recipe. */
export interface CurvePlan {
  readonly along: CurveName;
  readonly recipe: string;
  /** Where the other figures of the report are. */
  readonly own: number;
  readonly runs: readonly CurveRun[];
}

/** Images that curves are of: the first of the shuffle, in a batch of their own. */
export const CURVE_IMAGES = 64;

/** So many times the budget's iterations must not break more. */
const MORE = 4;

/**
 * A change of half the range makes any image a plain grey one, so nothing that the image showed can be left.
 * Few iterations are enough for it.
 */
const HUGE_LINF = 0.5;
const HUGE_ITERATIONS = 20;

/** In the Euclidean norm the ball that holds all of that. */
export const hugeEps = ({ norm, eps }: Ball, pixels: number): number =>
  Math.max(eps, norm === 'linf' ? HUGE_LINF : HUGE_LINF * Math.sqrt(pixels));

/** The curves that a list of names means, each once. Throws `InputError`. */
export function chooseCurves(list: string): CurveName[] {
  const names = list.split(',').flatMap((part): readonly CurveName[] => {
    const name = part.trim();
    if (name === 'none') return [];
    if (name === 'all') return CURVES;
    const known = CURVES.find((each) => each === name);
    if (known) return [known];
    throw new InputError(`There is no curve "${name}"; there are none, all, ${CURVES.join(', ')}.`);
  });
  return CURVES.filter((each) => names.includes(each));
}

const ascending = (values: readonly number[]): number[] => [...new Set(values)].sort((a, b) => a - b);

/** The steps of a recipe that its curve is drawn against. */
const stepsAlong = ({ steps }: Recipe): number[] =>
  steps === 0 ? [] : ascending([1, Math.ceil(steps / 2), steps, 2 * steps]);

const variantName = (recipe: string, steps: number): string => `${recipe} with ${steps} steps`;

/** The recipes with the numbers of steps that curves need, by their names. */
export function stepVariants(recipes: Readonly<Record<string, Recipe>>): Record<string, Recipe> {
  const variants = Object.entries(recipes).flatMap(([name, recipe]) =>
    stepsAlong(recipe).map((steps) => [variantName(name, steps), { ...recipe, steps }] as const),
  );
  return Object.fromEntries(variants);
}

export interface CurveOptions {
  /** Drawn in full; of the others the points that alarms need. */
  readonly full: readonly CurveName[];
  readonly ball: Ball;
  readonly budget: Budget;
  /** Of an image. */
  readonly pixels: number;
}

/** The curves of a recipe, and on which numbers of steps it is tried. */
export function curvesOf(
  name: string,
  recipe: Recipe,
  { full, ball, budget: { iterations }, pixels }: CurveOptions,
): CurvePlan[] {
  const huge = hugeEps(ball, pixels);
  const epsilons = full.includes('eps')
    ? ascending([...[0.25, 0.5, 1, 2, 4].map((by) => Math.min(by * ball.eps, huge)), huge])
    : [huge];
  const counts = full.includes('iterations')
    ? ascending(
        [iterations / 4, iterations / 2, iterations, 2 * iterations, MORE * iterations].map(Math.ceil),
      )
    : [iterations, MORE * iterations];
  const ofEps = (eps: number): CurveStage => ({
    at: eps,
    ball: { ...ball, eps },
    iterations: eps === huge ? HUGE_ITERATIONS : iterations,
  });
  const plan = (along: CurveName, own: number, runs: readonly CurveRun[]) => ({
    along,
    recipe: name,
    own,
    runs,
  });
  const steps = full.includes('steps') ? stepsAlong(recipe) : [];
  return [
    plan('eps', ball.eps, [{ serves: name, recipe, stages: epsilons.map(ofEps) }]),
    plan('iterations', iterations, [
      { serves: name, recipe, stages: counts.map((count) => ({ at: count, ball, iterations: count })) },
    ]),
    ...(steps.length === 0
      ? []
      : [
          plan(
            'steps',
            recipe.steps,
            steps.map((at) => ({
              serves: variantName(name, at),
              recipe: { ...recipe, steps: at },
              stages: [{ at, ball, iterations }],
            })),
          ),
        ]),
  ];
}

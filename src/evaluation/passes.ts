import { isSplittable, type Recipe, smallBatchPreset } from '../dent/index.ts';
import type { Budget } from './budget.ts';

/*
 * Guesses of how much work there is, for the one who tells how long it will take before anything of its kind
 * has been done. The unit is a forward pass of the network for one row.
 */

/** A gradient by pixels. */
const GRADIENT = 2.5;
/** An update: a forward pass, and a backward pass to scales and shifts. */
const UPDATE = 3;
/** The share of a recipe's updates that a row makes where rows may stop. */
const MADE = 0.25;
/** The share of rows that the first attack leaves. */
const LEFT = 0.5;

/** Whether a row's answer under the recipe is the same whatever stands beside it. */
export const hasIndependentRows = (recipe: Recipe): boolean =>
  isSplittable(recipe) && smallBatchPreset(recipe) === undefined;

/** Whether a model under the recipe ever answers otherwise than the network as it is. */
export const adapts = ({ steps, statistics, sigma }: Recipe): boolean =>
  steps > 0 || statistics !== 'source' || sigma !== 'off';

/** What an attack is made on, and with how much. */
export interface Prospect {
  readonly recipe: Recipe;
  readonly budget: Budget;
}

/** To be served once. */
export function servingPasses({ steps, gate, floor }: Recipe): number {
  const stops = gate !== 'off' || floor !== 'off';
  return 1 + UPDATE * steps * (stops ? MADE : 1);
}

/** The share of a batch's rows that is attacked on after the first attack. */
export const shareLeft = (recipe: Recipe): number => (hasIndependentRows(recipe) ? LEFT : 1);

/** One run of so many steps on all rows, on so many networks at once. */
export const climbPasses = (iterations: number, networks = 1): number =>
  networks * (iterations + 1) * GRADIENT;

/** APGD-CE on all rows, APGD-T and FAB-T on those that are left; `left` is their share. */
export function gradientAttackPasses(
  { iterations, targetedIterations, targets, restarts }: Budget,
  left = LEFT,
): number {
  const apgdT = climbPasses(targetedIterations);
  // Each step of FAB asks for a prediction too.
  const fabT = targetedIterations * (GRADIENT + 1);
  return restarts * climbPasses(iterations) + left * targets * (apgdT + fabT);
}

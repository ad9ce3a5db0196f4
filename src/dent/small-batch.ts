import { OBJECTIVES } from './objective.ts';
import { PRESETS } from './recipe.ts';
import type { Recipe } from './recipe-fields.ts';
import { STATISTICS } from './statistics.ts';

/** `recipe` follows its `small` setting in batches of fewer rows. */
const rowsMin = ({ statistics, objective, steps }: Recipe): number =>
  Math.max(STATISTICS[statistics].rowsMin, steps > 0 ? OBJECTIVES[objective].rowsMin : 1);

/**
 * The preset that replaces `recipe` where a batch is too small for it. Undefined where that never happens.
 */
export function smallBatchPreset(recipe: Recipe): 'isolated' | 'static' | undefined {
  return recipe.small === 'adapt' || rowsMin(recipe) === 1 ? undefined : recipe.small;
}

/**
 * The recipe that is really applied to a batch of `rows` under the recipe `name`, and its name in answers.
 */
export function appliedRecipe(
  name: string,
  recipe: Recipe,
  rows: number,
): { readonly name: string; readonly recipe: Recipe } {
  const preset = smallBatchPreset(recipe);
  if (preset === undefined || rows >= rowsMin(recipe)) return { name, recipe };
  return { name: preset, recipe: PRESETS[preset] };
}

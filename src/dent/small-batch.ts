import { OBJECTIVES } from './objective.ts';
import { PRESETS } from './recipe.ts';
import type { Recipe } from './recipe-fields.ts';
import { STATISTICS } from './statistics.ts';

/** Rows below which `recipe` does what its `small` setting says. */
const rowsMin = ({ statistics, objective, steps }: Recipe): number =>
  Math.max(STATISTICS[statistics].rowsMin, steps > 0 ? OBJECTIVES[objective].rowsMin : 1);

/** The preset that stands in for `recipe` where a batch is too small for it; undefined where none ever does. */
export function smallBatchPreset(recipe: Recipe): 'isolated' | 'static' | undefined {
  return recipe.small === 'adapt' || rowsMin(recipe) === 1 ? undefined : recipe.small;
}

/** What is in fact applied to a batch of `rows` under the recipe `name`, and the name that answers give it. */
export function appliedRecipe(
  name: string,
  recipe: Recipe,
  rows: number,
): { readonly name: string; readonly recipe: Recipe } {
  const preset = smallBatchPreset(recipe);
  if (preset === undefined || rows >= rowsMin(recipe)) return { name, recipe };
  return { name: preset, recipe: PRESETS[preset] };
}

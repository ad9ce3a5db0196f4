import { PRESETS, type Recipe } from './recipe.ts';

/** Fewest rows that mean something to the entropy of the mean prediction. */
const INFOMAX_ROWS_MIN = 8;
/** Fewest rows whose own mean and variance may stand in for those of training. */
const STATISTICS_ROWS_MIN = 16;

/**
 * Rows below which `recipe` does what its `small` setting says. `blend` has no such number: its prior already gives the
 * source statistics the greater weight in a small batch.
 */
function rowsMin(recipe: Recipe): number {
  if (recipe.statistics === 'batch') return STATISTICS_ROWS_MIN;
  return recipe.steps > 0 && recipe.objective === 'infomax' ? INFOMAX_ROWS_MIN : 1;
}

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

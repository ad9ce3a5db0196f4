import type { CompiledModel } from './compile.ts';
import { isSplittable } from './recipe.ts';
import type { Recipe } from './recipe-fields.ts';

/**
 * How the engine may cut a batch of the compiled graph: into separate runs where rows are independent, pass
 * by pass where they share their parameters, or not at all.
 */
export function cutting(
  recipe: Recipe,
  { rowsPerPart, carried }: Pick<CompiledModel, 'rowsPerPart' | 'carried'>,
): Partial<Pick<CompiledModel, 'rowsPerPart' | 'carried'>> {
  if (carried) return { rowsPerPart, carried };
  return isSplittable(recipe) ? { rowsPerPart } : {};
}

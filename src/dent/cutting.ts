import type { CompiledModel } from './compile.ts';
import { isSplittable } from './recipe.ts';
import type { Recipe } from './recipe-fields.ts';

/**
 * What the engine may do to a batch of the compiled graph: cut it into separate runs where rows are
 * independent, go through it pass by pass where they share their parameters, fill it up, or nothing.
 */
export function cutting(
  recipe: Recipe,
  { rowsPerPart, carried, validRows }: Pick<CompiledModel, 'rowsPerPart' | 'carried' | 'validRows'>,
): Partial<Pick<CompiledModel, 'rowsPerPart' | 'carried' | 'validRows'>> {
  if (validRows !== undefined) return { validRows };
  if (carried) return { rowsPerPart, carried };
  return isSplittable(recipe) ? { rowsPerPart } : {};
}

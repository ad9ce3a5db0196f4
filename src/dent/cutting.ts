import type { CompiledModel } from './compile.ts';
import { isSplittable } from './recipe.ts';
import type { Recipe } from './recipe-fields.ts';

type Cutting = Partial<Pick<CompiledModel, 'rowsPerPart' | 'fewestRows' | 'carried' | 'validRows'>>;

/**
 * What the engine may do to a batch of the compiled graph: cut it into separate runs where rows are
 * independent, go through it pass by pass where they share their parameters, fill it up, or nothing.
 */
export function cutting(
  recipe: Recipe,
  { rowsPerPart, fewestRows, carried, validRows }: Pick<CompiledModel, keyof Cutting>,
): Cutting {
  if (validRows !== undefined) return { validRows };
  if (carried) return { rowsPerPart, carried };
  return isSplittable(recipe) ? { rowsPerPart, ...(fewestRows !== undefined && { fewestRows }) } : {};
}

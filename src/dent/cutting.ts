import type { CompiledModel } from './compile.ts';
import { isSplittable, stopsRows } from './recipe.ts';
import type { Recipe } from './recipe-fields.ts';

type Cut = Pick<CompiledModel, 'rowsPerPart' | 'carried' | 'validRows'>;

/** `uneven`: some rows take longer than others. */
type Cutting = Partial<Cut> & { readonly uneven?: boolean };

/**
 * What the engine may do to a batch of the compiled graph: cut it into separate runs where rows are
 * independent, go through it pass by pass where they share their parameters, fill it up, or nothing.
 */
export function cutting(recipe: Recipe, { rowsPerPart, carried, validRows }: Cut): Cutting {
  if (validRows !== undefined) return { validRows };
  if (carried) return { rowsPerPart, carried };
  if (!isSplittable(recipe)) return {};
  return { rowsPerPart, ...(recipe.steps > 0 && stopsRows(recipe) && { uneven: true }) };
}

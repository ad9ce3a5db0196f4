import type { ModelSummary } from '../../inference/inference.ts';

interface Parameter {
  readonly name: string;
  readonly in: string;
  schema: object;
  example?: unknown;
}
type Operations = Record<string, { parameters?: Parameter[] }>;

/**
 * The document with the names of the models and recipes that are served now, so that a page can offer them as
 * choices.
 */
export function withChoices<D extends { paths?: unknown }>(document: D, models: readonly ModelSummary[]): D {
  const modelNames = models.map(({ name }) => name);
  const recipeNames = [...new Set(models.flatMap(({ recipes }) => Object.keys(recipes ?? {})))];
  const choicesOf = ({ in: where, name }: Parameter): readonly string[] => {
    if (where === 'query') return name === 'recipe' ? recipeNames : [];
    return where === 'path' && (name === 'name' || name === 'model') ? modelNames : [];
  };

  const copy = structuredClone(document);
  for (const operations of Object.values((copy.paths ?? {}) as Record<string, Operations>)) {
    for (const parameter of Object.values(operations).flatMap(({ parameters = [] }) => parameters)) {
      const choices = choicesOf(parameter);
      if (choices.length === 0) continue;
      parameter.schema = { ...parameter.schema, enum: choices };
      if (parameter.in === 'path') parameter.example = choices[0];
    }
  }
  return copy;
}

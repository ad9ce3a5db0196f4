import Type, { type TSchema } from 'typebox';
import { RECIPE_FIELDS, type Recipe, type RecipeField } from '../../../models/index.ts';

/** A phrase of the table of settings as a sentence. */
const sentence = (says: string): string => `${says[0]!.toUpperCase()}${says.slice(1)}.`;

function fieldSchema(field: RecipeField): TSchema {
  const description = sentence(field.says);
  if ('words' in field) return Type.Enum([...field.words], { type: 'string', description });
  const { min, max, open, integer, or } = field;
  const bounds = { ...(open ? { exclusiveMinimum: min } : { minimum: min }), maximum: max };
  const number = integer ? Type.Integer(bounds) : Type.Number(bounds);
  if (or === undefined) return { ...number, description };
  return Type.Union([number, Type.Literal(or)], { description });
}

/** One complete set of adaptation settings, from the table of settings. */
export const RecipeSchema = Type.Unsafe<Recipe>(
  Type.Object(
    Object.fromEntries(Object.entries(RECIPE_FIELDS).map(([name, field]) => [name, fieldSchema(field)])),
    { $id: 'Recipe', additionalProperties: false, description: 'One complete set of adaptation settings.' },
  ),
);

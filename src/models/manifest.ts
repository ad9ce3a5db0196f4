import Type from 'typebox';
import { Value } from 'typebox/value';
import { createRecipe, type Recipe } from '../dent/index.ts';
import { InputError } from '../errors.ts';
import type { Manifest } from './model.ts';

const strict = { additionalProperties: false } as const;
const perChannel = (value: Type.TNumberOptions) =>
  Type.Array(Type.Number(value), { minItems: 1, maxItems: 3 });

/**
 * `model.json` as a person writes it. What decides the answer's correctness (size, channel order, scale) has no default:
 * a wrong guess would give wrong answers without any error.
 */
const ManifestSchema = Type.Object(
  {
    description: Type.Optional(Type.String()),
    input: Type.Object(
      {
        width: Type.Integer({ minimum: 1, maximum: 8192 }),
        height: Type.Integer({ minimum: 1, maximum: 8192 }),
        channels: Type.Enum(['rgb', 'bgr', 'gray']),
        scale: Type.Number({ exclusiveMinimum: 0 }),
        mean: Type.Optional(perChannel({})),
        std: Type.Optional(perChannel({ exclusiveMinimum: 0 })),
        fit: Type.Optional(Type.Enum(['cover', 'contain', 'fill'])),
      },
      strict,
    ),
    labels: Type.Array(Type.String({ minLength: 1 }), { minItems: 2 }),
    recipes: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { minProperties: 1 })),
    defaultRecipe: Type.Optional(Type.String()),
    shareBatches: Type.Optional(Type.Boolean()),
    batching: Type.Optional(
      Type.Object(
        {
          maxBatchSize: Type.Optional(Type.Integer({ minimum: 1, maximum: 4096 })),
          maxDelayMs: Type.Optional(Type.Number({ minimum: 0, maximum: 60_000 })),
          queueLimit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
          timeoutMs: Type.Optional(Type.Integer({ minimum: 1, maximum: 3_600_000 })),
        },
        strict,
      ),
    ),
  },
  strict,
);
type ManifestFile = Type.Static<typeof ManifestSchema>;

const BATCHING_DEFAULTS = { maxBatchSize: 128, maxDelayMs: 20, queueLimit: 1024, timeoutMs: 30_000 };

/** Names of recipes and models stand in URLs, file names and metric labels. */
export const SAFE_NAME = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$/;

type ValidationError = ReturnType<typeof Value.Errors>[number];

const dotted = (pointer: string): string => pointer.slice(1).replaceAll('/', '.');

/** One sentence for the first error of the schema. */
function describe(error: ValidationError): string {
  const field = dotted(error.instancePath);
  const inside = (name: string): string => (field === '' ? name : `${field}.${name}`);
  switch (error.keyword) {
    case 'required':
      return `the field "${inside(error.params.requiredProperties[0] ?? '')}" is missing.`;
    case 'additionalProperties':
      return `there is no field "${inside(error.params.additionalProperties[0] ?? '')}".`;
    case 'enum':
      return `the field "${field}" must be one of ${error.params.allowedValues.join(', ')}.`;
    default:
      return field === '' ? 'it must be a JSON object.' : `the field "${field}" ${error.message}.`;
  }
}

function readJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new InputError(`${file}: this is not valid JSON (${(cause as Error).message}).`, { cause });
  }
}

function checkSchema(value: unknown, file: string): ManifestFile {
  if (Value.Check(ManifestSchema, value)) return value;
  // The schema `false` behind an unknown field reports first and says less than the error that follows it.
  const error = Value.Errors(ManifestSchema, value).find(({ keyword }) => keyword !== 'boolean');
  throw new InputError(`${file}: ${error === undefined ? 'it does not fit the schema.' : describe(error)}`);
}

function readRecipes(written: ManifestFile['recipes'], file: string): Manifest['recipes'] {
  const recipes: Record<string, Recipe> = {};
  for (const [name, options] of Object.entries(written ?? { isolated: { preset: 'isolated' }, static: {} })) {
    if (!SAFE_NAME.test(name)) {
      throw new InputError(
        `${file}: the recipe name ${JSON.stringify(name)} has characters that a URL may not hold.`,
      );
    }
    if (typeof options !== 'object' || options === null || Array.isArray(options)) {
      throw new InputError(`${file}: the field "recipes.${name}" must be an object of recipe options.`);
    }
    try {
      recipes[name] = createRecipe({ ...options });
    } catch (cause) {
      throw new InputError(`${file}: the field "recipes.${name}" is at fault. ${(cause as Error).message}`, {
        cause,
      });
    }
  }
  return recipes;
}

function channelValues(
  input: ManifestFile['input'],
  field: 'mean' | 'std',
  neutral: number,
  file: string,
): readonly number[] {
  const count = input.channels === 'gray' ? 1 : 3;
  const values = input[field] ?? Array.from({ length: count }, () => neutral);
  if (values.length === count) return values;
  throw new InputError(
    `${file}: the field "input.${field}" has ${values.length} values; "${input.channels}" has ${count} channels.`,
  );
}

/**
 * The manifest in `text` with its defaults filled in. `file` is the name that errors give.
 * Throws `InputError` naming the file and the field.
 */
export function parseManifest(text: string, file: string): Manifest {
  const written = checkSchema(readJson(text, file), file);
  const recipes = readRecipes(written.recipes, file);
  const defaultRecipe = written.defaultRecipe ?? 'isolated';
  if (!Object.hasOwn(recipes, defaultRecipe)) {
    throw new InputError(
      `${file}: the field "defaultRecipe" must name one of the recipes ${Object.keys(recipes).join(', ')}; it is "${defaultRecipe}".`,
    );
  }
  const { input } = written;
  return {
    description: written.description ?? '',
    input: {
      width: input.width,
      height: input.height,
      channels: input.channels,
      scale: input.scale,
      mean: channelValues(input, 'mean', 0, file),
      std: channelValues(input, 'std', 1, file),
      fit: input.fit ?? 'cover',
    },
    labels: written.labels,
    recipes,
    defaultRecipe,
    shareBatches: written.shareBatches ?? false,
    batching: { ...BATCHING_DEFAULTS, ...written.batching },
  };
}

import Type from 'typebox';
import { Value } from 'typebox/value';
import { createRecipe } from '../dent/index.ts';
import { boundInWords, InputError } from '../errors.ts';
import type { Manifest } from './model.ts';

const strict = { additionalProperties: false } as const;
const perChannel = (value: Type.TNumberOptions) =>
  Type.Array(Type.Number(value), { minItems: 1, maxItems: 3 });

/**
 * `model.json` as a person writes it. Fields that decide whether answers are correct (size, channel order,
 * scale) have no default: a wrong guess would give wrong answers without any error.
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
    output: Type.Optional(Type.String({ minLength: 1 })),
    precision: Type.Optional(Type.Enum(['fp32', 'tf32', 'fp16'])),
    labels: Type.Array(Type.String({ minLength: 1 }), { minItems: 2 }),
    recipes: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { minProperties: 1 })),
    defaultRecipe: Type.Optional(Type.String()),
    calibrated: Type.Optional(Type.Record(Type.String(), Type.String({ pattern: '^[0-9a-f]{64}$' }))),
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

/** `input` and "/mean/1" as `input.mean.1`. */
const dotted = (field: string, pointer: string): string => field + pointer.replaceAll('/', '.');

const KINDS: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  integer: 'a whole number',
  number: 'a number',
  object: 'an object',
  string: 'a text',
};

const fieldsOf = (schema: Type.TSchema): readonly string[] =>
  'properties' in schema ? Object.keys(schema.properties as object) : [];

const unknownField = (field: string, schema: Type.TSchema): string =>
  `there is no field "${field}"; the fields here are ${fieldsOf(schema).join(', ')}.`;

/** One sentence for each fault that an error of the schema reports in the top-level field `top`. */
function describe(error: ValidationError, top: string, schema: Type.TSchema): string[] {
  const field = dotted(top, error.instancePath);
  switch (error.keyword) {
    case 'required':
      return error.params.requiredProperties.map((name) => `the field "${field}.${name}" is missing.`);
    case 'additionalProperties':
      return error.params.additionalProperties.map((name) => unknownField(`${field}.${name}`, schema));
    case 'enum':
      return [`the field "${field}" must be one of ${error.params.allowedValues.join(', ')}.`];
    case 'type':
      return [
        `the field "${field}" must be ${[error.params.type].flat().map((type) => KINDS[type] ?? type)}.`,
      ];
    // For an unknown field the schema `false` says less than the next error.
    case 'boolean':
      return [];
    default:
      return [`the field "${field}" ${boundInWords(error.params) ?? error.message}.`];
  }
}

function readJson(text: string, file: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new InputError(`${file}: this is not valid JSON (${(cause as Error).message}).`, { cause });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw new InputError(`${file}: it must be a JSON object.`);
}

/** The most faults to report of one field. */
const MOST_TOLD = 8;

/** Of thousands of wrong labels only the first few are reported, so that every field gets its turn. */
function schemaFaults(written: Readonly<Record<string, unknown>>): string[] {
  const { properties, required } = ManifestSchema;
  const unknown = Object.keys(written).filter((name) => !Object.hasOwn(properties, name));
  const missing = required.filter((name) => !Object.hasOwn(written, name));
  return [
    ...missing.map((name) => `the field "${name}" is missing.`),
    ...unknown.map((name) => unknownField(name, ManifestSchema)),
    ...Object.entries(properties).flatMap(([name, schema]) =>
      Object.hasOwn(written, name)
        ? Value.Errors(schema, written[name]).flatMap((error) => describe(error, name, schema))
        : [],
    ),
  ];
}

/**
 * Lists that were made on Windows, or split at commas, have labels with line ends and blanks that nobody
 * sees.
 */
function labelFaults(labels: unknown): string[] {
  if (!Array.isArray(labels)) return [];
  return labels
    .map((label: unknown, i) => ({ label, field: `labels.${i}` }))
    .filter(({ label }) => typeof label === 'string' && label !== '' && /^\s|\s$|\p{Cc}/u.test(label))
    .slice(0, MOST_TOLD)
    .map(
      ({ label, field }) =>
        `the field "${field}" must have no blanks around it and no line end; it is ${JSON.stringify(label)}.`,
    );
}

function recipeFaults(name: string, options: unknown): string[] {
  if (!SAFE_NAME.test(name)) {
    return [`the recipe name ${JSON.stringify(name)} has characters that a URL may not hold.`];
  }
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    return [`the field "recipes.${name}" must be an object of recipe options.`];
  }
  try {
    createRecipe({ ...options });
    return [];
  } catch (cause) {
    const { faults } = cause as InputError;
    return faults.map((fault) => `the field "recipes.${name}" is at fault. ${fault}`);
  }
}

/** The recipes of a manifest that has none. */
export const DEFAULT_RECIPES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  isolated: { preset: 'isolated' },
  static: {},
};
const DEFAULT_RECIPE = 'isolated';

/** The faults of the recipes. Where the schema has already reported them, they may be of any type. */
function recipesFaults(
  recipes: unknown = DEFAULT_RECIPES,
  defaultRecipe: unknown = DEFAULT_RECIPE,
): string[] {
  if (!Value.Check(ManifestSchema.properties.recipes, recipes)) return [];
  const faults = Object.entries(recipes).flatMap(([name, options]) => recipeFaults(name, options));
  if (typeof defaultRecipe === 'string' && !Object.hasOwn(recipes, defaultRecipe)) {
    faults.push(
      `the field "defaultRecipe" must name one of the recipes ${Object.keys(recipes).join(', ')}; it is "${defaultRecipe}".`,
    );
  }
  return faults;
}

const channelCount = (channels: ManifestFile['input']['channels']): number => (channels === 'gray' ? 1 : 3);

/** Whether mean and std have a value for each channel. */
function channelFaults(input: unknown): string[] {
  const { channels, ...fields } = { ...(input as Partial<ManifestFile['input']>) };
  const { properties } = ManifestSchema.properties.input;
  if (!Value.Check(properties.channels, channels)) return [];
  const count = channelCount(channels);
  return (['mean', 'std'] as const).flatMap((name) => {
    const values = fields[name];
    if (values === undefined || !Value.Check(properties[name], values) || values.length === count) return [];
    return `the field "input.${name}" has ${values.length} values; "${channels}" has ${count} ${count === 1 ? 'channel' : 'channels'}.`;
  });
}

function checked(text: string, file: string): ManifestFile {
  const written = readJson(text, file);
  const faults = [
    ...schemaFaults(written),
    ...channelFaults(written.input),
    ...labelFaults(written.labels),
    ...recipesFaults(written.recipes, written.defaultRecipe),
  ];
  if (faults.length > 0) throw new InputError(faults.map((fault) => `${file}: ${fault}`));
  return written as ManifestFile;
}

/**
 * The manifest in `text` with its defaults filled in. `file` is its name in errors. Throws `InputError` with
 * every fault, each naming the file and the field.
 */
export function parseManifest(text: string, file: string): Manifest {
  const { input, ...written } = checked(text, file);
  const recipes = Object.entries(written.recipes ?? DEFAULT_RECIPES);
  const everyChannel = (value: number): number[] =>
    Array.from({ length: channelCount(input.channels) }, () => value);
  return {
    description: written.description ?? '',
    input: {
      width: input.width,
      height: input.height,
      channels: input.channels,
      scale: input.scale,
      mean: input.mean ?? everyChannel(0),
      std: input.std ?? everyChannel(1),
      fit: input.fit ?? 'cover',
    },
    ...(written.output !== undefined && { output: written.output }),
    ...(written.precision !== undefined && { precision: written.precision }),
    labels: written.labels,
    recipes: Object.fromEntries(
      recipes.map(([name, options]) => [name, createRecipe({ ...(options as object) })]),
    ),
    defaultRecipe: written.defaultRecipe ?? DEFAULT_RECIPE,
    shareBatches: written.shareBatches ?? false,
    ...(written.calibrated !== undefined && { calibrated: written.calibrated }),
    batching: { ...BATCHING_DEFAULTS, ...written.batching },
  };
}

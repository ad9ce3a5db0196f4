import Type from 'typebox';
import { Value } from 'typebox/value';
import { boundInWords, InputError } from '../errors.ts';
import type { Caller } from './access.ts';

const strict = { additionalProperties: false } as const;
const Digest = Type.String({ pattern: '^[0-9a-f]{64}$' });
const PriorityLevel = Type.Union([Type.Literal(1), Type.Literal(2), Type.Literal(3)]);

const Name = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$' });

const Entry = Type.Object(
  {
    name: Name,
    // Several while one key replaces another.
    sha256: Type.Union([Digest, Type.Array(Digest, { minItems: 1, maxItems: 8 })]),
    scopes: Type.Array(Type.Enum(['predict', 'admin', 'metrics']), { minItems: 1 }),
    rate: Type.Optional(
      Type.Object(
        {
          perSecond: Type.Number({ minimum: 0.001, maximum: 1e6 }),
          burst: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
        },
        strict,
      ),
    ),
    concurrency: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
    recipes: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { minItems: 1 })),
    priorities: Type.Optional(Type.Array(PriorityLevel, { minItems: 1 })),
    defaultPriority: Type.Optional(PriorityLevel),
    static: Type.Optional(Type.Boolean()),
  },
  strict,
);
const KeyFile = Type.Object({ keys: Type.Array(Entry) }, strict);
type Entry = Type.Static<typeof Entry>;

/** Whether an entry may have this name. */
export const isKeyName = (text: string): boolean => Value.Check(Name, text);

/** Who may come in, by the digest of the key. */
export type Callers = ReadonlyMap<string, Caller>;

/**
 * The key file in `text`. `file` is the name that errors give. Throws `InputError` naming the file and the
 * field.
 */
export function parseKeyFile(text: string, file: string): Callers {
  const callers = new Map<string, Caller>();
  const names = new Set<string>();
  for (const [i, entry] of readEntries(text, file).entries()) {
    const fail = (sentence: string) =>
      new InputError(`${file}: the entry keys.${i} ("${entry.name}") ${sentence}`);
    if (names.has(entry.name)) throw fail('has the name of another; one entry can have several digests.');
    names.add(entry.name);
    const caller = callerOf(entry);
    if (caller.priorities && !caller.priorities.includes(caller.defaultPriority!)) {
      throw fail(`has the default priority ${caller.defaultPriority}, which is none of its priorities.`);
    }
    for (const digest of [entry.sha256].flat()) {
      if (callers.has(digest)) throw fail('has a digest that the file has before; each key has one caller.');
      callers.set(digest, caller);
    }
  }
  return callers;
}

/** Where a person finds how the file looks. */
const HELP = 'docs/configuration.md shows a key file';

function readEntries(text: string, file: string): readonly Entry[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new InputError(`${file}: this is not valid JSON; ${HELP}.`, { cause });
  }
  if (Value.Check(KeyFile, value)) return value.keys;
  throw new InputError(`${file}: ${fault(value)}; ${HELP}.`);
}

/** The first difference between a file and the schema, as a sentence without its full stop. */
function fault(value: unknown): string {
  // For an unknown field the schema `false` reports first, and says less than the next error.
  const [error] = Value.Errors(KeyFile, value).filter(({ keyword }) => keyword !== 'boolean');
  const field = error!.instancePath.slice(1).replaceAll('/', '.');
  const place = field === '' ? 'the file' : `the field "${field}"`;
  switch (error!.keyword) {
    case 'required':
      return `${place} lacks "${error!.params.requiredProperties[0]}"`;
    case 'additionalProperties':
      return `${place} has no field "${error!.params.additionalProperties[0]}"`;
    case 'enum':
      return `${place} must be one of ${error!.params.allowedValues.join(', ')}`;
    case 'type':
      return `${place} must be of type ${error!.params.type}`;
    default:
      return `${place} ${boundInWords(error!.params) ?? error!.message}`;
  }
}

/** The default priority: the middle one, as without keys, or else the first that the caller may use. */
const MIDDLE = 2;

function callerOf(entry: Entry): Caller {
  const { name, scopes, rate, concurrency, recipes, priorities, defaultPriority } = entry;
  const usual = priorities === undefined || priorities.includes(MIDDLE) ? MIDDLE : priorities[0]!;
  return {
    name,
    scopes,
    limits: {
      ...(rate && { rate: { perSecond: rate.perSecond, burst: rate.burst ?? Math.ceil(rate.perSecond) } }),
      ...(concurrency !== undefined && { concurrency }),
    },
    ...(recipes && { recipes }),
    ...(priorities && { priorities }),
    defaultPriority: defaultPriority ?? usual,
    ...(entry.static === false && { hidesStatic: true }),
  };
}

import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';

type Json = Record<string, unknown>;

/** Members that hold values of callers, not schemas. */
const VALUES = ['example', 'examples', 'enum', 'const', 'default'];

/**
 * Moves each schema that has a `title` to the components of an OpenAPI document, under that name. Generated
 * clients then have one type for it, with a name that a person chose. A use keeps its own `description`.
 */
export function nameSchemas<D extends object>(document: D): D {
  const named: Json = {};

  function visit(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(visit);
    if (typeof value !== 'object' || value === null) return value;
    const inside = Object.fromEntries(
      Object.entries(value).map(([key, each]) => [key, VALUES.includes(key) ? each : visit(each)]),
    );
    return typeof inside.title === 'string' ? refer(inside.title, inside) : inside;
  }

  function refer(name: string, { title: _, description, ...schema }: Json): Json {
    named[name] ??= schema;
    assert(isDeepStrictEqual(named[name], schema), `Two different schemas have the title "${name}".`);
    return { $ref: `#/components/schemas/${name}`, ...(description !== undefined && { description }) };
  }

  const { paths, components, ...rest } = document as { paths: Json; components: { schemas: Json } };
  const visited = { paths: visit(paths), schemas: visit(components.schemas) as Json };
  return {
    ...rest,
    components: { ...components, schemas: { ...visited.schemas, ...named } },
    paths: visited.paths,
  } as unknown as D;
}

import type { FastifySchemaValidationError } from 'fastify';
import { boundInWords, ServiceError } from '../../errors.ts';

/** A complaint with the schema that it refers to. */
type Complaint = FastifySchemaValidationError & { parentSchema?: { properties?: object }; data?: unknown };

/** Strangers' names may be long. */
const NAME_LENGTH = 100;

const PLACES: Readonly<Record<string, string>> = {
  querystring: 'query parameter',
  params: 'path parameter',
  body: 'property of the body',
  form: 'field of the form',
  headers: 'header',
};

const TYPES: Readonly<Record<string, string>> = {
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false, in small letters',
  string: 'text',
  array: 'a list',
  object: 'an object',
};

/** The requirement on a value, for the complaints that people meet. Ajv's own words for the others. */
function requirement({ keyword, params, message = 'is not valid' }: Complaint): string {
  switch (keyword) {
    case 'type':
      return `must be ${TYPES[String(params.type)] ?? params.type}`;
    case 'minLength':
    case 'minItems':
      return params.limit === 1 ? 'must not be empty' : message;
    default:
      return boundInWords(params) ?? message;
  }
}

/** The known names, where an unknown one was given. */
function known({ parentSchema }: Complaint): string {
  const names = Object.keys(parentSchema?.properties ?? {}).map((name) => `"${name}"`);
  const list = new Intl.ListFormat('en', { type: 'conjunction' }).format(names);
  return names.length === 0 ? 'there are none here' : `there ${names.length === 1 ? 'is' : 'are'} ${list}`;
}

/** Ajv's first complaint about a part of a request, as one sentence that names the parameter. */
export function validationError(errors: FastifySchemaValidationError[], part: string): ServiceError {
  const [complaint] = errors as [Complaint];
  const { keyword, instancePath, params } = complaint;
  const place = PLACES[part] ?? part;
  const sentence = (): string => {
    if (keyword === 'additionalProperties') {
      const name = String(params.additionalProperty).slice(0, NAME_LENGTH);
      return `There is no ${place} "${name}"; ${known(complaint)}.`;
    }
    if (keyword === 'required') return `The ${place} "${params.missingProperty}" is missing.`;
    // A place in a list as people write it.
    const name = instancePath.slice(1).replaceAll(/\/(\d+)/g, '[$1]');
    if (part === 'querystring' && Array.isArray(complaint.data)) {
      return `The ${place} "${name}" is there more than once; say it once.`;
    }
    return name === ''
      ? `The ${part} ${requirement(complaint)}.`
      : `The ${place} "${name}" ${requirement(complaint)}.`;
  };
  return new ServiceError('invalid_request', sentence());
}

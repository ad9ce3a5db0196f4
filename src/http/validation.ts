import type { FastifySchemaValidationError } from 'fastify';
import { ServiceError } from '../errors.ts';

const PLACES: Readonly<Record<string, string>> = {
  querystring: 'query parameter',
  params: 'path parameter',
  body: 'property of the body',
  form: 'field of the form',
  headers: 'header',
};

/** Ajv's first complaint about a part of a request as one sentence that names the parameter. */
export function validationError(errors: FastifySchemaValidationError[], part: string): ServiceError {
  const [{ keyword, instancePath, params, message = 'is not valid' }] = errors as [
    FastifySchemaValidationError,
  ];
  const place = PLACES[part] ?? part;
  const sentence = (): string => {
    if (keyword === 'additionalProperties') return `There is no ${place} "${params.additionalProperty}".`;
    if (keyword === 'required') return `The ${place} "${params.missingProperty}" is missing.`;
    const name = instancePath.slice(1);
    return name === '' ? `The ${part} ${message}.` : `The ${place} "${name}" ${message}.`;
  };
  return new ServiceError('invalid_request', sentence());
}

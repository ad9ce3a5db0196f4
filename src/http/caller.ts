import type { FastifyRequest } from 'fastify';

/** Who asks, as the use case tells callers apart: '' for everybody, because nobody has to say who they are. */
export const callerOf = (_request: FastifyRequest): string => '';

import type { FastifyRequest } from 'fastify';
import { ServiceError } from '../../errors.ts';
import { decompress } from '../body/content-encoding.ts';
import type { App } from '../server/app-instance.ts';

/** The content types of clients' bodies. The last is curl's default. Some clients send none. */
const TYPES = ['application/json', 'application/octet-stream', 'application/x-www-form-urlencoded'];

/**
 * Bodies of this scope arrive in the handler as decompressed bytes, whatever their content type: binary
 * tensors follow JSON in one body, and a header says where. The body limit holds before and after
 * decompression.
 */
export function parseBodies(app: App): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, async (request: FastifyRequest, body: Buffer) => {
    requireType(request);
    return decompress(body, request);
  });
}

function requireType({ headers }: FastifyRequest): void {
  const [type] = (headers['content-type'] ?? TYPES[0]!).split(';', 1);
  if (TYPES.includes(type!.trim().toLowerCase())) return;
  throw new ServiceError(
    'unsupported_media_type',
    'Send the request as application/json, or as application/octet-stream where it holds binary tensors.',
  );
}

/**
 * The JSON in a body of this scope. Undefined where there is no body, or an empty one. Throws
 * `invalid_request`.
 */
export function jsonOf(body: unknown): unknown {
  const bytes = body as Buffer | undefined;
  if (bytes === undefined || bytes.length === 0) return undefined;
  try {
    return JSON.parse(bytes.toString());
  } catch (cause) {
    throw new ServiceError('invalid_request', 'The body is not valid JSON.', { cause });
  }
}

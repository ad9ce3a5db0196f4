import type { FastifyRequest } from 'fastify';
import { ServiceError } from '../errors.ts';
import type { App } from './app-instance.ts';
import { imageOfForm } from './form.ts';

/** The body of a predict as the parsers leave it; undefined where the request has none. */
type PredictBody = Buffer | { image: string } | undefined;

export const IMAGE_TYPES = ['image/jpeg', 'image/png', 'image/webp'] as const;

/** Bodies of exactly the documented types are read, up to the app's body limit; all others are answered with 415. */
export function parseBodies(app: App): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    [...IMAGE_TYPES],
    { parseAs: 'buffer' },
    async (_request: unknown, body: Buffer) => body,
  );
  app.addContentTypeParser(
    'multipart/form-data',
    { parseAs: 'buffer' },
    (request: FastifyRequest, body: Buffer) => imageOfForm(body, request.headers['content-type'] ?? ''),
  );
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'string' },
    app.getDefaultJsonParser('error', 'error'),
  );
}

/** The encoded image that a parsed and validated body holds. Throws `invalid_request`. */
export function imageOfBody(body: unknown): Uint8Array {
  const parsed = body as PredictBody;
  if (parsed === undefined)
    throw new ServiceError('invalid_request', 'The request has no body; send an image.');
  return Buffer.isBuffer(parsed) ? parsed : decodeBase64(parsed.image);
}

/** The schema has checked the alphabet; what is left to go wrong is the length. */
function decodeBase64(text: string): Uint8Array {
  if (text.length % 4 === 0) return Buffer.from(text, 'base64');
  throw new ServiceError(
    'invalid_request',
    'The property of the body "image" is not base64: its length is no multiple of 4.',
  );
}

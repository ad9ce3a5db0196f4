import { promisify } from 'node:util';
import { gunzip, inflate } from 'node:zlib';
import type { FastifyRequest } from 'fastify';
import { ServiceError } from '../../../errors.ts';
import type { App } from '../../app-instance.ts';

/** What clients call their bodies: curl's word for whatever it is given is the last. Some say nothing. */
const TYPES = ['application/json', 'application/octet-stream', 'application/x-www-form-urlencoded'];

const DECOMPRESSORS = { gzip: promisify(gunzip), deflate: promisify(inflate) };

/**
 * Bodies of this scope arrive in the handler as bytes, decompressed, whatever they are called: binary tensors follow upon JSON in
 * one body, and a header says where. The body limit holds before and after decompression.
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

async function decompress(body: Buffer, { headers, routeOptions, upload }: FastifyRequest): Promise<Buffer> {
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (encoding === 'identity' || encoding === '') return body;
  if (encoding !== 'gzip' && encoding !== 'deflate') {
    throw new ServiceError(
      'unsupported_media_type',
      'The content encoding of a request must be gzip or deflate.',
    );
  }
  const maxOutputLength = routeOptions.bodyLimit!;
  try {
    const unpacked = await DECOMPRESSORS[encoding](body, { maxOutputLength });
    upload?.resize(unpacked.length);
    return unpacked;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new ServiceError('too_large', `The body has more than ${maxOutputLength} bytes decompressed.`, {
        cause,
      });
    }
    throw new ServiceError('invalid_request', `The body is not ${encoding} data, or cut short.`, { cause });
  }
}

/** The JSON in a body of this scope; undefined where there is no body, or an empty one. Throws `invalid_request`. */
export function jsonOf(body: unknown): unknown {
  const bytes = body as Buffer | undefined;
  if (bytes === undefined || bytes.length === 0) return undefined;
  try {
    return JSON.parse(bytes.toString());
  } catch (cause) {
    throw new ServiceError('invalid_request', 'The body is not valid JSON.', { cause });
  }
}

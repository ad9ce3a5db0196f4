import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import type { FastifyRequest } from 'fastify';
import { ServiceError } from '../../errors.ts';

const gzip = promisify(gunzip);
const DECOMPRESSORS = { gzip, 'x-gzip': gzip, deflate: promisify(inflate), br: promisify(brotliDecompress) };

/** The accepted compressions of a body. */
export const CONTENT_ENCODINGS = ['gzip', 'deflate', 'br'] as const;

const isKnown = (encoding: string): encoding is keyof typeof DECOMPRESSORS =>
  Object.hasOwn(DECOMPRESSORS, encoding);

/** The body before it was compressed. The body limit holds before and after. */
export async function decompress(
  body: Buffer,
  { headers, routeOptions, upload }: FastifyRequest,
): Promise<Buffer> {
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (encoding === 'identity' || encoding === '') return body;
  if (!isKnown(encoding)) {
    throw new ServiceError(
      'unsupported_media_type',
      'The content encoding of a request must be gzip, deflate or br; send the body as it is, or compressed by one of them.',
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

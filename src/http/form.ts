import { Busboy } from '@fastify/busboy';
import { ServiceError } from '../errors.ts';

const invalid = (message: string, cause?: unknown) => new ServiceError('invalid_request', message, { cause });

/** The bytes of the field `image` of a multipart form. Rejects with `invalid_request` where it is not exactly that. */
export async function imageOfForm(form: Buffer, contentType: string): Promise<Buffer> {
  const images: Buffer[] = [];
  await new Promise<void>((resolve, reject) => {
    const parser = createParser(contentType);
    parser.on('file', (name, stream) => {
      const chunks: Buffer[] = [];
      stream.on('error', reject);
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => images.push(Buffer.concat(chunks)));
      if (name !== 'image')
        reject(invalid(`The form has a field "${name}"; "image" is the only one it may have.`));
    });
    parser.on('partsLimit', () => reject(invalid('The form has more fields than one.')));
    parser.on('error', (error) =>
      reject(invalid('The form cannot be read: it is broken or cut short.', error)),
    );
    parser.on('finish', () => resolve());
    parser.end(form);
  });
  if (images.length !== 1) {
    throw invalid(
      images.length === 0 ? 'The form has no field "image".' : 'The form has more than one field "image".',
    );
  }
  return images[0]!;
}

function createParser(contentType: string) {
  try {
    return new Busboy({
      headers: { 'content-type': contentType },
      // Some clients give the field no file name; it is an image all the same.
      isPartAFile: () => true,
      limits: { parts: 4 },
    });
  } catch (error) {
    throw invalid('The content type of a form must name its boundary.', error);
  }
}

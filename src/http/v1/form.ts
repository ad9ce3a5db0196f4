import { Busboy } from '@fastify/busboy';
import { ServiceError } from '../../errors.ts';
import { MAX_IMAGES, OPTION_NAMES } from './schemas/predict.ts';

/** A form as the client sent it. */
export interface PredictForm {
  readonly images: readonly Buffer[];
  /** Whether it is a list of images, even with one entry. */
  readonly isList: boolean;
  /** The other fields, as text. */
  readonly options: Readonly<Record<string, string>>;
}

/** Several images come as several fields with one name. Some clients write that name as a list. */
const IMAGE_FIELD = /^images?(?:\[\d*\])?$/;
const MAX_PARTS = MAX_IMAGES + OPTION_NAMES.length;

const invalid = (message: string, cause?: unknown) => new ServiceError('invalid_request', message, { cause });

interface Part {
  readonly name: string;
  readonly content: Buffer;
}

const BEGINNING = /^--([^\r\n"]{1,70})\r\nContent-Disposition: *form-data/i;

/**
 * The content type by which a body can be read as a form. Undefined where it is no form. Clients that write
 * the header themselves forget its boundary, or call a form JSON, but the body begins with the boundary.
 */
export function formType(body: Buffer, contentType: string): string | undefined {
  const isForm = /^multipart\/form-data/i.test(contentType.trim());
  if (isForm && /;\s*boundary=./i.test(contentType)) return contentType;
  const boundary = BEGINNING.exec(body.toString('latin1', 0, 256))?.[1];
  if (boundary !== undefined) return `multipart/form-data; boundary="${boundary}"`;
  return isForm ? contentType : undefined;
}

/** The contents of a form. Rejects with `invalid_request` where it has other fields, or is broken. */
export async function readForm(form: Buffer, contentType: string): Promise<PredictForm> {
  const parts = await readParts(form, contentType);
  const options: Record<string, string> = {};
  const images: Part[] = [];
  for (const part of parts) {
    const { name, content } = part;
    if (IMAGE_FIELD.test(name)) images.push(part);
    else if (!OPTION_NAMES.includes(name)) throw invalid(unknownField(name));
    else if (Object.hasOwn(options, name)) throw invalid(`The form has more than one field "${name}".`);
    else options[name] = content.toString();
  }
  if (images.length === 0) throw invalid('The form has no field "image"; put the image into it as a file.');
  const isList = images.length > 1 || images[0]!.name !== 'image';
  return { images: images.map(({ name, content }) => imageOf(name, content)), isList, options };
}

const unknownField = (name: string): string =>
  `The form has a field ${JSON.stringify(name.slice(0, 100))}; it may have "image", once or several times, and ` +
  `${OPTION_NAMES.map((option) => `"${option}"`).join(', ')}.`;

/** Without its @, curl sends a file's name instead of the file. */
function imageOf(name: string, content: Buffer): Buffer {
  const text = content.length <= 256 ? content.toString('latin1') : '';
  if (/^[\x20-\x7e]+\.(?:jpe?g|png|webp|heic|gif)$/i.test(text)) {
    throw invalid(
      `The field "${name}" of the form holds the name of a file, not the file; with curl write -F ${name}=@${text}.`,
    );
  }
  return content;
}

function readParts(form: Buffer, contentType: string): Promise<Part[]> {
  const parts: Part[] = [];
  return new Promise((resolve, reject) => {
    const parser = createParser(contentType);
    // The types of the parser do not know that a field may have no name.
    parser.on('file', (name: string | undefined, stream) => {
      const chunks: Buffer[] = [];
      stream.on('error', reject);
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => parts.push({ name: name ?? '', content: Buffer.concat(chunks) }));
    });
    parser.on('partsLimit', () => reject(invalid(`The form has more than ${MAX_PARTS} fields.`)));
    parser.on('error', (error) =>
      reject(invalid('The form cannot be read: it is broken or cut short.', error)),
    );
    parser.on('finish', () => resolve(parts));
    parser.end(form);
  });
}

function createParser(contentType: string) {
  try {
    return new Busboy({
      headers: { 'content-type': contentType },
      // Some clients give the field no file name. It is an image all the same.
      isPartAFile: () => true,
      limits: { parts: MAX_PARTS },
    });
  } catch (error) {
    throw invalid(
      'The content type of a form must name its boundary; have your HTTP client write the header Content-Type.',
      error,
    );
  }
}

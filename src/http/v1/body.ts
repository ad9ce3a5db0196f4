import type { FastifyRequest } from 'fastify';
import type { Static, TSchema } from 'typebox';
import { ServiceError } from '../../errors.ts';
import { looksLikeImage } from '../../images/index.ts';
import { decompress } from '../body/content-encoding.ts';
import type { App } from '../server/app-instance.ts';
import { validationError } from '../server/validation.ts';
import { bytesOfBase64 } from './base64.ts';
import { formType, readForm } from './form.ts';
import { PredictJson, PredictOptions } from './schemas/predict.ts';

/** The contents of the body of a predict. */
export interface PredictBody {
  readonly images: readonly Uint8Array[];
  /** Whether the answer is a list, even with one entry. */
  readonly isList: boolean;
  readonly options: PredictOptions;
}

const WAYS =
  'send the image itself, a form with the field "image", or JSON such as {"image": "<the image in base64>"}';

/** Of compressed data of this length, one in 10^5 lacks one of three byte values. */
const LONG_BYTES = 1024;

const invalid = (sentence: string, cause?: unknown): ServiceError =>
  new ServiceError('invalid_request', sentence, { cause });

/**
 * Bodies arrive in the handler as decompressed bytes, whatever their content type. A header that is no
 * content type counts as none: programs write "" or "undefined" where they do not know the type of a file.
 */
export function parseBodies(app: App): void {
  app.addHook('onRequest', (request, _reply, done) => {
    if (request.mediaType === undefined) delete request.raw.headers['content-type'];
    done();
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (request: FastifyRequest, body: Buffer) =>
    decompress(body, request),
  );
}

/**
 * Reads the body of a predict. The bytes decide before the content type does: many clients send an image, or
 * JSON, with the type of a form, or with none. Rejects with `invalid_request` or `unsupported_media_type`.
 */
export async function readBody(request: FastifyRequest): Promise<PredictBody> {
  const body = (request.body as Buffer | undefined) ?? Buffer.alloc(0);
  if (body.length === 0) throw invalid(`The request has no body; ${WAYS}.`);
  const type = mediaType(request);
  if (looksLikeImage(body)) return imageAlone(whole(body, type));
  const form = formType(body, request.headers['content-type'] ?? '');
  if (form !== undefined) return readImagesOfForm(body, form, request);
  if (isJson(type) || beginsAsJson(body)) return readJson(body, request);
  if (promisesImage(type)) return imageAlone(body);
  throw new ServiceError(
    'unsupported_media_type',
    `The body is called ${type.slice(0, 100)}, and its bytes are no image; ${WAYS}.`,
  );
}

/** The first word of the content type; '' where there is none. */
const mediaType = ({ headers }: FastifyRequest): string =>
  (headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase();

const isJson = (type: string): boolean => /^(?:application|text)\/(?:[\w.-]+\+)?json$/.test(type);

/** Whether the content type promises an image. The decoder then says what is wrong with the bytes. */
const promisesImage = (type: string): boolean =>
  type === '' || type === 'application/octet-stream' || type.startsWith('image/');

const beginsAsJson = (body: Buffer): boolean => /^\uFEFF?\s*\{/.test(body.subarray(0, 64).toString());

const imageAlone = (image: Buffer): PredictBody => ({ images: [image], isList: false, options: {} });

/**
 * An image that curl sent as a form has lost bytes, and most of its pixels depend on these. Throws
 * `invalid_request`.
 */
function whole(image: Buffer, type: string): Buffer {
  const isOfCurl = type === 'application/x-www-form-urlencoded' && image.length > LONG_BYTES;
  if (!isOfCurl || [0x00, 0x0a, 0x0d].some((byte) => image.includes(byte))) return image;
  throw invalid('The image has lost all its line breaks on its way; with curl write --data-binary, not -d.');
}

async function readImagesOfForm(body: Buffer, type: string, request: FastifyRequest): Promise<PredictBody> {
  const { options, ...images } = await readForm(body, type);
  return { ...images, options: validated(request, PredictOptions, options, 'form') };
}

function readJson(body: Buffer, request: FastifyRequest): PredictBody {
  const value = withoutNulls(parseJson(body.toString()));
  if (value !== null && typeof value === 'object' && 'image' in value && Array.isArray(value.image)) {
    throw invalid('The property of the body "image" is one image; send several as "images".');
  }
  const { image, images, ...options } = validated(request, PredictJson, value, 'body');
  if (image !== undefined && images !== undefined) {
    throw invalid('The body has both "image" and "images"; put all images into "images".');
  }
  if (image !== undefined) {
    return { images: [bytesOfBase64(image, 'property of the body "image"')], isList: false, options };
  }
  if (images === undefined) throw invalid(`The property of the body "image" is missing; ${WAYS}.`);
  return {
    images: images.map((each, i) => bytesOfBase64(each, `property of the body "images[${i}]"`)),
    isList: true,
    options,
  };
}

/**
 * JSON allows no line breaks inside a string, but shells that paste base64 add them. They mean nothing there,
 * and nothing between the other words of JSON either.
 */
function parseJson(text: string): unknown {
  const marked = text.startsWith('\uFEFF') ? text.slice(1) : text;
  try {
    return JSON.parse(marked);
  } catch (cause) {
    const unbroken = marked.replaceAll(/[\r\n\t]+/g, '');
    try {
      // Not the same text twice: in the worst case 10 MB take a second.
      if (unbroken.length < marked.length) return JSON.parse(unbroken);
    } catch {}
    throw invalid(`The body is not valid JSON; ${WAYS}.`, cause);
  }
}

/** Programs in many languages write null for each property that they leave out. */
function withoutNulls(value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== null));
}

/** `value` with its numbers as numbers. Throws `invalid_request`. */
function validated<S extends TSchema>(
  request: FastifyRequest,
  schema: S,
  value: unknown,
  part: string,
): Static<S> {
  const validate = request.compileValidationSchema(schema as object, 'body');
  if (validate(value)) return value as Static<S>;
  throw validationError(validate.errors ?? [], part);
}

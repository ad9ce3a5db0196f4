import { availableParallelism } from 'node:os';
import sharp from 'sharp';
import { ServiceError } from '../errors.ts';
import type { InputSpec } from '../models/model.ts';
import { avifItems } from './avif-items.ts';
import { isOdd, lacksEnd, tooManyPixels, toServiceError } from './decode-failure.ts';
import { createDecodeSlots } from './decode-slots.ts';
import { foreignFormat } from './foreign.ts';
import { toPlanes } from './planes.ts';
import { asStill, imageType } from './signature.ts';

// libvips would also open SVG, GIF, TIFF, PDF and more. Strangers' bytes should never reach these parsers.
// The parser for AVIF would also open HEIC, but sharp's libheif has no decoder for it.
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: ['Jpeg', 'Png', 'Webp', 'Heif'].map((format) => `VipsForeignLoad${format}Buffer`),
});
// The same image never comes twice, and requests are parallel already.
sharp.cache(false);
sharp.concurrency(1);

/**
 * Twice the threads of libuv's default pool: a thread that has finished finds the next image at once, even
 * while the event loop is busy. With small images that gives a fifth more of them. Not more, because file and
 * DNS work waits in the same line.
 */
const DECODES_AT_A_TIME = 8;
/**
 * Larger images: no more than there are cores. They keep all threads busy, and the event loop then waits for
 * them, for up to a second on two cores that have other work too.
 */
const LARGE_AT_A_TIME = Math.min(DECODES_AT_A_TIME, availableParallelism());
const LARGE_BYTES = 32 * 1024;
const MAX_WAITING_BYTES = 256 * 1024 * 1024;
const MAX_WAITING_SMALL_BYTES = 64 * 1024 * 1024;
/** A photo of 16 megapixels takes 20 to 500 ms. This limit only ends images that were made to be slow. */
const DECODE_TIMEOUT_SECONDS = 10;
/**
 * The most that a JPEG decoder reads ahead of the last pixel: 64 bits of one, each byte of them stuffed. They
 * replace the end of a file. No Huffman code has ones alone, so a truncated scan runs out of them within two
 * blocks of 8 x 8.
 */
const READ_AHEAD = Buffer.alloc(16, 'ff00', 'hex');
const HEIC_REFUSAL =
  'The image is a HEIC file, whose compression (HEVC) cannot be decoded here. Send it as JPEG; on an iPhone, choose ' +
  'Settings, Camera, Formats, "Most Compatible".';

export interface ImageDecoderOptions {
  /** An image with more pixels (width times height) is refused before its pixels are read. */
  readonly maxPixels: number;
  /** A larger encoded image is refused unread. */
  readonly maxBytes?: number;
}

export interface ImageDecoder {
  /**
   * The pixels of an encoded JPEG, PNG, WebP or AVIF image in the model's form: uint8, planar, [3, height,
   * width] for rgb and bgr, [1, height, width] for gray. Rejects with `ServiceError`: `invalid_image` for
   * broken images and for other formats, `too_large` above a limit, `queue_full` where too much waits to be
   * decoded, `timeout` for an image that takes absurdly long. Rejects with the signal's reason where it
   * aborts while the image waits for its turn.
   *
   * The image is decoded as a person sees it: turned upright by its EXIF orientation, its colours in sRGB,
   * transparent parts on white (colours hidden under them do not count), the first frame of an animation.
   * `contain` pads with black. An image that has the target size already is not resampled.
   */
  decode(bytes: Uint8Array, input: InputSpec, signal?: AbortSignal): Promise<Uint8Array>;
}

/** Decodes a few images at a time; the others wait for their turn. */
export function createImageDecoder({
  maxPixels,
  maxBytes = Number.POSITIVE_INFINITY,
}: ImageDecoderOptions): ImageDecoder {
  const large = createDecodeSlots(LARGE_AT_A_TIME, MAX_WAITING_BYTES);
  // Small images wait in a line of their own, so that they need not wait for large ones. They add little to
  // the bytes that wait.
  const small = createDecodeSlots(DECODES_AT_A_TIME, MAX_WAITING_SMALL_BYTES);

  return {
    async decode(bytes, input, signal) {
      if (bytes.length === 0) throw new ServiceError('invalid_image', 'The image is empty.');
      if (bytes.length > maxBytes) {
        throw new ServiceError('too_large', `The image has ${bytes.length} bytes; the limit is ${maxBytes}.`);
      }
      const type = imageType(bytes);
      if (type === undefined) throw notReadable(bytes);
      if (type === 'HEIC') throw new ServiceError('invalid_image', HEIC_REFUSAL);
      if (type === 'AVIF') checkAvif(bytes, maxPixels);
      const work = () =>
        decodeAsBrowsersDo(asStill(bytes), input, maxPixels).catch((error: unknown) => {
          throw toServiceError(error, type, { maxPixels, timeoutSeconds: DECODE_TIMEOUT_SECONDS });
        });
      const slots = bytes.length < LARGE_BYTES ? small : large;
      const rgb = await slots.run(bytes.length, work, signal);
      return toPlanes(rgb, input);
    },
  };
}

function notReadable(bytes: Uint8Array): ServiceError {
  const foreign = foreignFormat(bytes);
  const sentence = foreign
    ? `The image is ${foreign.what}; JPEG, PNG, WebP and AVIF are read: ${foreign.advice}.`
    : 'The image is not a JPEG, PNG, WebP or AVIF file.';
  return new ServiceError('invalid_image', sentence);
}

function checkAvif(bytes: Uint8Array, maxPixels: number): void {
  const { largestPixels, plain } = avifItems(bytes);
  if (!plain) {
    throw new ServiceError(
      'invalid_image',
      'The AVIF image is put together from tiles, compressed otherwise than by AV1, or has colours that were multiplied by ' +
        'their transparency, which is not read here. Send it as JPEG or PNG.',
    );
  }
  if (largestPixels > maxPixels) throw tooManyPixels(maxPixels);
}

/**
 * Refuses damaged images, but accepts what browsers ignore: bytes or numbers in a JPEG that the standard does
 * not allow there, and a JPEG that lacks only its last two bytes. Only such files are decoded more than once.
 */
async function decodeAsBrowsersDo(
  bytes: Uint8Array,
  input: InputSpec,
  maxPixels: number,
): Promise<Uint8Array> {
  const despiteOddities = (data: Uint8Array): Promise<Uint8Array> =>
    resizedRgb(data, input, maxPixels, 'warning').catch((error: unknown) => {
      if (!isOdd(error)) throw error;
      return resizedRgb(data, input, maxPixels, 'truncated');
    });
  try {
    return await despiteOddities(bytes);
  } catch (error) {
    if (!lacksEnd(error)) throw error;
    return despiteOddities(Buffer.concat([bytes, READ_AHEAD]));
  }
}

/** Interleaved sRGB bytes, height x width x 3. `failOn` is the mildest fault that fails the decode. */
async function resizedRgb(
  bytes: Uint8Array,
  { width, height, fit }: InputSpec,
  maxPixels: number,
  failOn: 'truncated' | 'warning',
): Promise<Uint8Array> {
  return (
    sharp(bytes, { limitInputPixels: maxPixels, failOn, pages: 1 })
      .timeout({ seconds: DECODE_TIMEOUT_SECONDS })
      .autoOrient()
      .flatten({ background: 'white' })
      .toColourspace('srgb')
      // With the linear kernel libvips reduces images as PIL's antialiased bilinear filter does. That is
      // torchvision's default, so most classifiers were trained on it. sharp's default, the sharper Lanczos,
      // differs. Large JPEGs are reduced while they are decoded, which cuts away up to seven pixels of the
      // right and lower edge. The last option has that end at twice the size, for up to a sixth more
      // processor time.
      .resize(width, height, { fit, kernel: 'linear', background: 'black', fastShrinkOnLoad: false })
      .raw({ depth: 'uchar' })
      .toBuffer()
  );
}

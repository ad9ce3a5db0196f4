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

// libvips would also open SVG, GIF, TIFF, PDF and more: parsers that strangers' bytes should never reach. What opens AVIF would
// open HEIC too, but sharp's libheif comes without a decoder for it.
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: ['Jpeg', 'Png', 'Webp', 'Heif'].map((format) => `VipsForeignLoad${format}Buffer`),
});
// No image is asked for twice, and requests are parallel already.
sharp.cache(false);
sharp.concurrency(1);

/**
 * Twice the threads of libuv's pool, unless told otherwise: a thread that has finished finds the next image at once, also while
 * the event loop is busy. With small images that is a fifth more of them. Not more, because file and DNS work waits in the same line.
 */
const DECODES_AT_A_TIME = 8;
/**
 * Of larger images no more than there are cores: they keep all threads busy, which the event loop then has to wait for, for up to a
 * second on two cores that have other work too.
 */
const LARGE_AT_A_TIME = Math.min(DECODES_AT_A_TIME, availableParallelism());
const LARGE_BYTES = 32 * 1024;
const MAX_WAITING_BYTES = 256 * 1024 * 1024;
const MAX_WAITING_SMALL_BYTES = 64 * 1024 * 1024;
/** A photo of 16 megapixels takes 20 to 500 ms; this only ends what was made to be slow. */
const DECODE_TIMEOUT_SECONDS = 10;
/**
 * What a JPEG decoder may read ahead of the last pixel: 64 bits of one, each byte of them stuffed. They stand in for the end of a
 * file. No Huffman code has ones alone, so a scan that is cut short runs out of them within two blocks of 8 x 8.
 */
const READ_AHEAD = Buffer.alloc(16, 'ff00', 'hex');
const HEIC_REFUSAL =
  'The image is a HEIC file, whose compression (HEVC) cannot be decoded here. Send it as JPEG; on an iPhone, choose ' +
  'Settings, Camera, Formats, "Most Compatible".';

export interface ImageDecoderOptions {
  /** Width times height above which an image is refused before its pixels are read. */
  readonly maxPixels: number;
  /** Encoded size above which an image is refused unread. */
  readonly maxBytes?: number;
}

export interface ImageDecoder {
  /**
   * The pixels of an encoded JPEG, PNG, WebP or AVIF image as the model wants to see them: uint8, planar, [3, height, width] for
   * rgb and bgr, [1, height, width] for gray. Rejects with `ServiceError`: `invalid_image` for what is no such image or
   * is broken, `too_large` above a limit, `queue_full` where too much waits to be decoded, `timeout` for an image that
   * takes absurdly long; with the reason of the signal where that aborts while the image waits for its turn.
   *
   * The image is seen as a person sees it: turned upright by its EXIF orientation, its colours in sRGB, transparent
   * parts on white (what lies hidden under them is not looked at), the first frame of an animation. `contain` pads with
   * black. An image that has the target size is not resampled.
   */
  decode(bytes: Uint8Array, input: InputSpec, signal?: AbortSignal): Promise<Uint8Array>;
}

/** Decodes a few images at a time; the others wait their turn. */
export function createImageDecoder({
  maxPixels,
  maxBytes = Number.POSITIVE_INFINITY,
}: ImageDecoderOptions): ImageDecoder {
  const large = createDecodeSlots(LARGE_AT_A_TIME, MAX_WAITING_BYTES);
  // In a line of their own, so that they need not wait for large ones; they add little to what waits.
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
      'The AVIF image is put together from tiles or compressed otherwise than by AV1, which is not read here. Send it as JPEG or PNG.',
    );
  }
  if (largestPixels > maxPixels) throw tooManyPixels(maxPixels);
}

/**
 * Damage is refused, but not what browsers make nothing of: bytes or numbers in a JPEG that the standard does not have there, and
 * a JPEG that lacks nothing but the two bytes that end it. Only such files are decoded more than once.
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

/** Interleaved sRGB bytes, height x width x 3. `failOn` is the least fault that fails. */
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
      // With the linear kernel libvips reduces as PIL's antialiased bilinear filter does, which is torchvision's default and
      // so what most classifiers were trained on; sharp's default, the sharper Lanczos, is not.
      .resize(width, height, { fit, kernel: 'linear', background: 'black' })
      .raw({ depth: 'uchar' })
      .toBuffer()
  );
}

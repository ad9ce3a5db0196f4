import sharp from 'sharp';
import { ServiceError } from '../errors.ts';
import type { InputSpec } from '../models/model.ts';
import { createDecodeSlots } from './decode-slots.ts';
import { toPlanes } from './planes.ts';
import { imageType } from './signature.ts';

// libvips would also open SVG, GIF, TIFF, PDF and more: parsers that strangers' bytes should never reach.
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: ['VipsForeignLoadJpegBuffer', 'VipsForeignLoadPngBuffer', 'VipsForeignLoadWebpBuffer'],
});
// No image is asked for twice, and requests are parallel already.
sharp.cache(false);
sharp.concurrency(1);

/**
 * Twice the threads of libuv's pool, unless told otherwise: a thread that has finished finds the next image at once, also while
 * the event loop is busy. With small images that is a fifth more of them. Not more, because file and DNS work waits in the same line.
 */
const DECODES_AT_A_TIME = 8;
const MAX_WAITING_BYTES = 256 * 1024 * 1024;
/** A photo of 16 megapixels takes 20 to 500 ms; this only ends what was made to be slow. */
const DECODE_TIMEOUT_SECONDS = 10;

export interface ImageDecoderOptions {
  /** Width times height above which an image is refused before its pixels are read. */
  readonly maxPixels: number;
  /** Encoded size above which an image is refused unread. */
  readonly maxBytes?: number;
}

export interface ImageDecoder {
  /**
   * The pixels of an encoded JPEG, PNG or WebP image as the model wants to see them: uint8, planar, [3, height, width] for
   * rgb and bgr, [1, height, width] for gray. Rejects with `ServiceError`: `invalid_image` for what is no such image or
   * is broken, `too_large` above a limit, `queue_full` where too much waits to be decoded, `timeout` for an image that
   * takes absurdly long.
   *
   * The image is seen as a person sees it: turned upright by its EXIF orientation, its colours in sRGB, transparent
   * parts on white (what lies hidden under them is not looked at), the first frame of an animation. `contain` pads with
   * black. An image that has the target size is not resampled.
   */
  decode(bytes: Uint8Array, input: InputSpec): Promise<Uint8Array>;
}

/** Decodes a few images at a time; the others wait their turn. */
export function createImageDecoder({
  maxPixels,
  maxBytes = Number.POSITIVE_INFINITY,
}: ImageDecoderOptions): ImageDecoder {
  const slots = createDecodeSlots(DECODES_AT_A_TIME, MAX_WAITING_BYTES);

  return {
    async decode(bytes, input) {
      if (bytes.length === 0) throw new ServiceError('invalid_image', 'The image is empty.');
      if (bytes.length > maxBytes) {
        throw new ServiceError('too_large', `The image has ${bytes.length} bytes; the limit is ${maxBytes}.`);
      }
      const type = imageType(bytes);
      if (type === undefined) {
        throw new ServiceError('invalid_image', 'The image is not a JPEG, PNG or WebP file.');
      }
      const rgb = await slots.run(bytes.length, () =>
        resizedRgb(bytes, input, maxPixels).catch((error: unknown) => {
          throw toServiceError(error, type, maxPixels);
        }),
      );
      return toPlanes(rgb, input);
    },
  };
}

/** Interleaved sRGB bytes, height x width x 3. */
async function resizedRgb(
  bytes: Uint8Array,
  { width, height, fit }: InputSpec,
  maxPixels: number,
): Promise<Uint8Array> {
  return (
    sharp(bytes, { limitInputPixels: maxPixels, failOn: 'warning', pages: 1 })
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

/** libvips tells its failures apart by words alone. */
function toServiceError(error: unknown, type: string, maxPixels: number): ServiceError {
  const words = error instanceof Error ? error.message : '';
  if (words.includes('exceeds pixel limit')) {
    return new ServiceError('too_large', `The image has more than ${maxPixels} pixels.`, { cause: error });
  }
  if (words.startsWith('timeout:')) {
    const sentence = `Decoding the image took longer than ${DECODE_TIMEOUT_SECONDS} s.`;
    return new ServiceError('timeout', sentence, { cause: error });
  }
  const sentence = `The ${type} image cannot be decoded: it is broken, cut short or far too narrow.`;
  return new ServiceError('invalid_image', sentence, { cause: error });
}

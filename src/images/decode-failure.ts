import { ServiceError } from '../errors.ts';

/**
 * Rule breaches in the JPEG files of cameras and phones that leave all pixels intact, in libjpeg's words.
 * Browsers show such files.
 */
const ODD_JPEG = [
  'extraneous bytes before marker',
  'unknown JFIF revision number',
  'Invalid SOS parameters for sequential JPEG',
  'Unknown Adobe color transform code',
  'Inconsistent progression sequence',
];
/** Kinds of JPEG that the decoder was built without, in its words. */
const UNREAD_JPEG = ['Unsupported JPEG', 'Unsupported color conversion', 'DNL not supported'];

/** libvips distinguishes its failures only by words, and one failure may have several lines of them. */
const linesOf = (error: unknown): string[] => (error instanceof Error ? error.message.split('\n') : []);

const says = (line: string, phrases: readonly string[]): boolean =>
  phrases.some((phrase) => line.includes(phrase));

/** Whether the decoder objects only to the way in which the file is written. */
export const isOdd = (error: unknown): boolean => {
  const lines = linesOf(error).filter((line) => line !== '');
  return lines.length > 0 && lines.every((line) => says(line, ODD_JPEG));
};

/** Whether the file ended before the decoder saw its end marker. The last two bytes alone may be missing. */
export const lacksEnd = (error: unknown): boolean =>
  linesOf(error).some((line) => line.endsWith('premature end of JPEG image'));

export const tooManyPixels = (maxPixels: number, cause?: unknown): ServiceError =>
  new ServiceError('too_large', `The image has more than ${maxPixels} pixels.`, { cause });

/** The failed decode as an error for the caller. */
export function toServiceError(
  error: unknown,
  type: string,
  { maxPixels, timeoutSeconds }: { maxPixels: number; timeoutSeconds: number },
): ServiceError {
  const lines = linesOf(error);
  const refusal = (code: 'timeout' | 'invalid_image', sentence: string) =>
    new ServiceError(code, sentence, { cause: error });

  if (lines.some((line) => says(line, ['exceeds pixel limit', 'exceeds the maximum image size']))) {
    return tooManyPixels(maxPixels, error);
  }
  if (lines[0]?.startsWith('timeout:')) {
    return refusal('timeout', `Decoding the image took longer than ${timeoutSeconds} s.`);
  }
  if (lines.some((line) => says(line, UNREAD_JPEG))) {
    return refusal(
      'invalid_image',
      'The JPEG image is of a kind that is not read here, such as one of 12 bits. ' +
        'Save it as an ordinary JPEG of 8 bits, or as PNG.',
    );
  }
  return refusal(
    'invalid_image',
    `The ${type} image cannot be decoded: it is broken, cut short or far too narrow.`,
  );
}

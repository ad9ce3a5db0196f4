import { imageType, startsWith } from './signature.ts';

/** What the bytes are, when they are no readable image, and what to do about it. */
interface Foreign {
  readonly what: string;
  readonly advice: string;
}

const CONVERT = 'convert it to one of them first';
const WRAP = 'send it as JSON {"image": "..."}, or send the bytes that it stands for';

/** The first bytes of a PNG. Line breaks follow them, so that a file changed as text shows itself. */
const PNG_AS_TEXT = [0x89, 0x50, 0x4e, 0x47];

const SIGNATURES: readonly (readonly [what: string, signature: readonly number[], at?: number])[] = [
  ['a GIF file', [0x47, 0x49, 0x46, 0x38]],
  ['a TIFF file', [0x49, 0x49, 0x2a, 0x00]],
  ['a TIFF file', [0x4d, 0x4d, 0x00, 0x2a]],
  ['a BMP file', [0x42, 0x4d]],
  ['an ICO file', [0x00, 0x00, 0x01, 0x00]],
  ['a JPEG XL file', [0xff, 0x0a]],
  ['a JPEG XL file', [0x00, 0x00, 0x00, 0x0c, 0x4a, 0x58, 0x4c, 0x20]],
  ['a JPEG 2000 file', [0x00, 0x00, 0x00, 0x0c, 0x6a, 0x50, 0x20, 0x20]],
  ['a Photoshop file', [0x38, 0x42, 0x50, 0x53]],
  ['a PDF file', [0x25, 0x50, 0x44, 0x46]],
  // The container of which AVIF and HEIC are kinds.
  ['a video', [0x66, 0x74, 0x79, 0x70], 4],
];

const TEXTS: readonly (readonly [what: string, text: RegExp, advice: string])[] = [
  ['an HTML page', /^\s*<(?:!doctype html|html)/i, 'look at what it says'],
  ['an SVG file', /^\s*<(?:svg|\?xml|!--)/i, CONVERT],
  ['a data: URL', /^\s*data:/i, WRAP],
  // The first bytes of JPEG, PNG and WebP in base64.
  ['text in base64', /^\s*(?:\/9j\/|iVBORw0KGgo|UklGR)/, WRAP],
];

/** Names the format of bytes that are no known image type. Undefined where it is unknown. */
export function foreignFormat(bytes: Uint8Array): Foreign | undefined {
  if (startsWith(bytes, 0, PNG_AS_TEXT)) {
    const advice = 'send it as it is, which is --data-binary and not -d with curl';
    return { what: 'a PNG file whose line breaks have been changed', advice };
  }
  const known = SIGNATURES.find(([, signature, at = 0]) => startsWith(bytes, at, signature));
  if (known !== undefined) return { what: known[0], advice: CONVERT };
  const text = Buffer.from(bytes.subarray(0, 256)).toString('latin1');
  const [what, , advice] = TEXTS.find(([, pattern]) => pattern.test(text)) ?? [];
  return what === undefined || advice === undefined ? undefined : { what, advice };
}

/**
 * Whether bytes are meant to be an image, whatever their content type: one of the types that we read, or one
 * that we do not.
 */
export const looksLikeImage = (bytes: Uint8Array): boolean =>
  imageType(bytes) !== undefined || foreignFormat(bytes) !== undefined;

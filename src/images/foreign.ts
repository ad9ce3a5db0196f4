import { imageType, startsWith } from './signature.ts';

/** What the bytes are, when they are no readable image, and what to do about it. */
interface Foreign {
  readonly what: string;
  readonly advice: string;
}

const CONVERT = 'convert it to one of them first';
const WRAP = 'send it as JSON {"image": "..."}, or send the bytes that it stands for';

const RAW = 'send it as it is, which is --data-binary and not -d with curl';
const UNPACK = 'say so in the header Content-Encoding, or send it as it is';

const SIGNATURES: readonly (readonly [
  what: string,
  signature: readonly number[],
  advice?: string,
  at?: number,
])[] = [
  // In a PNG line breaks follow, so that a file changed as text shows itself.
  ['a PNG file whose line breaks have been changed', [0x89, 0x50, 0x4e, 0x47], RAW],
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
  ['compressed by gzip', [0x1f, 0x8b], UNPACK],
  // The container of which AVIF and HEIC are kinds.
  ['a video', [0x66, 0x74, 0x79, 0x70], CONVERT, 4],
];

const TEXTS: readonly (readonly [what: string, text: RegExp, advice: string])[] = [
  ['an HTML page', /^\s*<(?:!doctype html|html)/i, 'look at what it says'],
  ['an SVG file', /^\s*<(?:svg|!doctype svg|\?xml|!--)/i, CONVERT],
  ['a data: URL', /^\s*data:/i, WRAP],
  // The first bytes of JPEG, PNG, WebP and AVIF in base64, of either alphabet.
  ['text in base64', /^\s*(?:[/_]9j[/_]|iVBORw0KGgo|UklGR|AAAA..Z0eXB)/, WRAP],
];

/** Names the format of bytes that are no known image type. Undefined where it is unknown. */
export function foreignFormat(bytes: Uint8Array): Foreign | undefined {
  const text = Buffer.from(bytes.subarray(0, 256)).toString();
  const [what, , advice = CONVERT] =
    SIGNATURES.find(([, signature, , at = 0]) => startsWith(bytes, at, signature)) ??
    TEXTS.find(([, pattern]) => pattern.test(text)) ??
    [];
  return what === undefined ? undefined : { what, advice };
}

/**
 * Whether bytes are meant to be an image, whatever their content type: one of the types that we read, or one
 * that we do not.
 */
export const looksLikeImage = (bytes: Uint8Array): boolean =>
  imageType(bytes) !== undefined || foreignFormat(bytes) !== undefined;

export type ImageType = 'JPEG' | 'PNG' | 'WebP';

const startsWith = (bytes: Uint8Array, at: number, signature: readonly number[]): boolean =>
  signature.every((byte, i) => bytes[at + i] === byte);

const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const JPEG = [0xff, 0xd8, 0xff];
const RIFF = [0x52, 0x49, 0x46, 0x46];
const WEBP = [0x57, 0x45, 0x42, 0x50];

/** The type that the first bytes say; undefined where they say none of the three. What a client calls the image is not asked. */
export function imageType(bytes: Uint8Array): ImageType | undefined {
  if (startsWith(bytes, 0, JPEG)) return 'JPEG';
  if (startsWith(bytes, 0, PNG)) return 'PNG';
  if (startsWith(bytes, 0, RIFF) && startsWith(bytes, 8, WEBP)) return 'WebP';
  return undefined;
}

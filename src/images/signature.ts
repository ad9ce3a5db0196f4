export type ImageType = 'JPEG' | 'PNG' | 'WebP' | 'AVIF';
/** HEIC is recognised in order to refuse it by name. */
export type KnownType = ImageType | 'HEIC';

export const startsWith = (bytes: Uint8Array, at: number, signature: readonly number[]): boolean =>
  signature.every((byte, i) => bytes[at + i] === byte);

const ascii = (text: string): number[] => [...text].map((letter) => letter.charCodeAt(0));

const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const JPEG = [0xff, 0xd8, 0xff];
const RIFF = ascii('RIFF');
const WEBP = ascii('WEBP');
const FILE_TYPE = ascii('ftyp');
const ANIMATED_AVIF = ascii('ftypavis');

const AVIF_BRANDS = ['avif', 'avis'];
const HEIC_BRANDS = ['heic', 'heix', 'hevc', 'hevx', 'heim', 'heis', 'mif1', 'msf1'];
/** Files list a handful of brands. Only this many bytes of them are read. */
const MAX_BRANDS_BYTES = 256;

/** The type by the first bytes; undefined where they fit none. The client's content type does not count. */
export function imageType(bytes: Uint8Array): KnownType | undefined {
  if (startsWith(bytes, 0, JPEG)) return 'JPEG';
  if (startsWith(bytes, 0, PNG)) return 'PNG';
  if (startsWith(bytes, 0, RIFF) && startsWith(bytes, 8, WEBP)) return 'WebP';
  if (startsWith(bytes, 4, FILE_TYPE)) return typeOfBrands(brandsOf(bytes));
  return undefined;
}

/** AVIF and HEIC share one container, and both may say `mif1`. The other brands tell which of them it is. */
function typeOfBrands(brands: readonly string[]): KnownType | undefined {
  if (brands.some((brand) => AVIF_BRANDS.includes(brand))) return 'AVIF';
  return brands.some((brand) => HEIC_BRANDS.includes(brand)) ? 'HEIC' : undefined;
}

/**
 * An AVIF file in the form that libvips knows. An animation has another major brand, though the same still
 * picture comes before the moving one. All other files stay as they are.
 */
export function asStill(bytes: Uint8Array): Uint8Array {
  if (!startsWith(bytes, 4, ANIMATED_AVIF)) return bytes;
  const still = Uint8Array.from(bytes);
  still.set(ascii('avif'), 8);
  return still;
}

/**
 * The brands in an ISO media file's first box: the major brand, four bytes of an unused version, the
 * compatible brands.
 */
function brandsOf(bytes: Uint8Array): string[] {
  const box = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = Math.min(box.readUInt32BE(0), MAX_BRANDS_BYTES, box.length);
  const brands = [];
  for (let at = 8; at + 4 <= end; at += 4) brands.push(box.toString('latin1', at, at + 4));
  return brands;
}

/** What an AVIF file says about its pictures before any of them is decoded. */
export interface AvifItems {
  /** Width times height of the largest picture in it: the visible one, its transparency, a thumbnail. */
  readonly largestPixels: number;
  /**
   * Whether every picture stands alone, is AV1, and has its colours as they are seen. A picture made of
   * others could have many large parts and a small result. libvips takes colours that were multiplied by
   * their transparency for others, darker ones.
   */
  readonly plain: boolean;
}

const BOX_HEADER = 8;
/** Pictures of AV1, how to make them brighter, and texts. */
const PLAIN_ITEMS = ['av01', 'tmap', 'Exif', 'mime', 'uri '];
/** Bytes of a reference from one picture to one other, by ids of two bytes or of four. */
const REFERENCE_BYTES = [14, 18];

/**
 * libvips asks only for the size of the result, so a picture of 64 x 64 could stand for tiles of gigapixels.
 * Every box except the pictures' own data is searched for entries at any depth, so no odd nesting hides one.
 */
export function avifItems(bytes: Uint8Array): AvifItems {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let largestPixels = 0;
  let plain = true;
  for (const box of boxesButData(file)) {
    // In an `ispe` width and height follow its name and version.
    for (const at of occurrences(box, 'ispe', 16)) {
      largestPixels = Math.max(largestPixels, box.readUInt32BE(at + 8) * box.readUInt32BE(at + 12));
    }
    // An `infe` has an id of two bytes (four from version 3), and two more bytes before the type of the item.
    for (const at of occurrences(box, 'infe', 18)) {
      const type = at + (box[at + 4]! < 3 ? 12 : 14);
      plain &&= PLAIN_ITEMS.includes(box.toString('latin1', type, type + 4));
    }
    // "supreme" in a text is no reference.
    for (const at of occurrences(box, 'prem', 10)) {
      plain &&= at < 4 || !REFERENCE_BYTES.includes(box.readUInt32BE(at - 4));
    }
  }
  return { largestPixels, plain };
}

/**
 * The top-level boxes of an ISO media file, up to the first invalid one. Without `mdat`, which holds the
 * encoded pictures.
 */
function* boxesButData(file: Buffer): Generator<Buffer> {
  for (let at = 0; at + BOX_HEADER <= file.length; ) {
    const type = file.toString('latin1', at + 4, at + 8);
    const size = sizeOfBox(file, at);
    if (size < BOX_HEADER) return;
    if (type !== 'mdat') yield file.subarray(at, Math.min(at + size, file.length));
    at += size;
  }
}

/** 0 means: all that follows. 1 means: a size of 64 bits follows the type. */
function sizeOfBox(file: Buffer, at: number): number {
  const size = file.readUInt32BE(at);
  if (size === 0) return file.length - at;
  if (size !== 1) return size;
  return at + 16 <= file.length ? Number(file.readBigUInt64BE(at + 8)) : 0;
}

/** The places of `name` that have at least `length` bytes from there on. */
function* occurrences(box: Buffer, name: string, length: number): Generator<number> {
  for (let at = box.indexOf(name, 0, 'latin1'); at !== -1; at = box.indexOf(name, at + 1, 'latin1')) {
    if (at + length <= box.length) yield at;
  }
}

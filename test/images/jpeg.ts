/** JPEG's markers, by their second byte; the first is 0xff. */
export const SOF0 = 0xc0;
export const SOS = 0xda;
export const END = Buffer.of(0xff, 0xd9);

/** The first place of the marker. */
export function markerAt(jpeg: Buffer, marker: number): number {
  const at = jpeg.indexOf(Buffer.of(0xff, marker));
  if (at === -1) throw new Error(`There is no marker ${marker.toString(16)} in the JPEG.`);
  return at;
}

/** A copy with other bytes at `offset` from the first such marker. */
export function patched(jpeg: Buffer, marker: number, offset: number, bytes: readonly number[]): Buffer {
  const copy = Buffer.from(jpeg);
  copy.set(bytes, markerAt(jpeg, marker) + offset);
  return copy;
}

/** A copy with more bytes at `at`. */
export const inserted = (file: Buffer, at: number, bytes: Uint8Array): Buffer =>
  Buffer.concat([file.subarray(0, at), bytes, file.subarray(at)]);

/** A segment of a JPEG, whose length counts itself but not the marker. */
export function segment(marker: number, content: Uint8Array): Buffer {
  const head = Buffer.from([0xff, marker, 0, 0]);
  head.writeUInt16BE(content.length + 2, 2);
  return Buffer.concat([head, content]);
}

/** A picture's bytes with this ICC profile, valid or not. */
export const withProfile = (jpeg: Buffer, profile: Uint8Array): Buffer =>
  inserted(jpeg, 2, segment(0xe2, Buffer.concat([Buffer.from('ICC_PROFILE\0\x01\x01', 'latin1'), profile])));

/**
 * A lossless JPEG of one colour, 8 x 8 pixels. Each value is predicted: the first as 128, the others from the
 * one to the left or above. The difference is a count of bits, here in codes of 4 bits, followed by those
 * bits.
 */
export function losslessJpeg(colour: readonly [number, number, number]): Buffer {
  const ids = [...'RGB'].map((letter) => letter.charCodeAt(0));
  const nibble = (value: number, bits = 4) => value.toString(2).padStart(bits, '0');
  const first = colour.map((value) => {
    const difference = value - 128;
    if (difference === 0) return nibble(0);
    const size = Math.abs(difference).toString(2).length;
    // A negative difference is written as its distance from the largest number of its size.
    return nibble(size) + nibble(difference > 0 ? difference : difference + 2 ** size - 1, size);
  });
  const bits = first.join('') + nibble(0).repeat(3 * 63);
  const bytes = bits.match(/.{1,8}/g)!.map((octet) => Number.parseInt(octet.padEnd(8, '1'), 2));
  return Buffer.concat([
    Buffer.of(0xff, 0xd8),
    segment(0xc3, Buffer.of(8, 0, 8, 0, 8, 3, ...ids.flatMap((id) => [id, 0x11, 0]))),
    segment(0xc4, Buffer.of(0, 0, 0, 0, 9, ...new Array(12).fill(0), 0, 1, 2, 3, 4, 5, 6, 7, 8)),
    segment(SOS, Buffer.of(3, ...ids.flatMap((id) => [id, 0]), 1, 0, 0)),
    Buffer.from(bytes.flatMap((byte) => (byte === 0xff ? [byte, 0] : [byte]))),
    END,
  ]);
}

/** The white of the profile connection space, D50. */
const D50 = [0.9642, 1, 0.8249] as const;

/** Adobe RGB (1998): its primaries, adapted to D50 as profiles have them, and its gamma. */
const ADOBE_RGB = {
  rXYZ: [0.60974, 0.31111, 0.01947],
  gXYZ: [0.20528, 0.62567, 0.06087],
  bXYZ: [0.14919, 0.06322, 0.74457],
  gamma: 563 / 256,
} as const;

const TAG = 12;
const HEAD = 128;

function fixed(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeInt32BE(Math.round(value * 65_536), 4 * i);
  return bytes;
}
const ascii = (text: string) => Buffer.from(text, 'latin1');
const xyz = (values: readonly number[]) => Buffer.concat([ascii('XYZ \0\0\0\0'), fixed(values)]);

/** An ICC profile (version 2, three primaries and a gamma) of Adobe RGB. */
export function adobeRgbProfile(): Buffer {
  const gamma = Math.round(ADOBE_RGB.gamma * 256);
  const curve = Buffer.concat([ascii('curv\0\0\0\0'), Buffer.of(0, 0, 0, 1, gamma >> 8, gamma & 255, 0, 0)]);
  const name = 'made for a test\0';
  const description = Buffer.concat([
    ascii('desc\0\0\0\0\0\0\0'),
    Buffer.of(name.length),
    ascii(name),
    Buffer.alloc(78),
  ]);
  const tags: [string, Buffer][] = [
    ['desc', Buffer.concat([description, Buffer.alloc((4 - (description.length % 4)) % 4)])],
    ['cprt', ascii('text\0\0\0\0none\0\0\0\0')],
    ['wtpt', xyz(D50)],
    ['rXYZ', xyz(ADOBE_RGB.rXYZ)],
    ['gXYZ', xyz(ADOBE_RGB.gXYZ)],
    ['bXYZ', xyz(ADOBE_RGB.bXYZ)],
    ['rTRC', curve],
    ['gTRC', curve],
    ['bTRC', curve],
  ];
  const table = Buffer.alloc(4 + TAG * tags.length);
  table.writeUInt32BE(tags.length, 0);
  let offset = HEAD + table.length;
  for (const [i, [name, data]] of tags.entries()) {
    table.write(name, 4 + TAG * i, 'latin1');
    table.writeUInt32BE(offset, 8 + TAG * i);
    table.writeUInt32BE(data.length, 12 + TAG * i);
    offset += data.length;
  }
  const head = Buffer.alloc(HEAD);
  head.writeUInt32BE(offset, 0);
  head.write('\x02\x10\0\0mntrRGB XYZ ', 8, 'latin1');
  head.write('acsp', 36, 'latin1');
  fixed(D50).copy(head, 68);
  return Buffer.concat([head, table, ...tags.map(([, data]) => data)]);
}

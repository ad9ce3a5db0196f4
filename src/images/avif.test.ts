import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { inputOf, picture, solid } from '../../test/images/pictures.ts';
import { createImageDecoder } from './index.ts';

const MAX_PIXELS = 2 ** 20;
const decoder = createImageDecoder({ maxPixels: MAX_PIXELS });
const refusal = (bytes: Uint8Array) =>
  decoder.decode(bytes, inputOf(8, 8)).then(
    () => 'decoded',
    (error: unknown) => error,
  );

const transparent = await picture(new Array(64 * 64).fill([10, 20, 30, 128]).flat(), 64, 64, 4)
  .avif({ quality: 100 })
  .toBuffer();

/** A copy in which the bytes at `offset` from the n-th `name` are replaced. */
function patched(bytes: Buffer, name: string, n: number, offset: number, replacement: Uint8Array): Buffer {
  let at = bytes.indexOf(name);
  for (let i = 1; i < n; i++) at = bytes.indexOf(name, at + 1);
  expect(at).toBeGreaterThan(0);
  const copy = Buffer.from(bytes);
  copy.set(replacement, at + offset);
  return copy;
}
function size(width: number, height: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32BE(width, 0);
  bytes.writeUInt32BE(height, 4);
  return bytes;
}

describe('AVIF', () => {
  it('is read, in colour, of 10 and 12 bits, and grey', async () => {
    for (const options of [{}, { bitdepth: 10 }, { bitdepth: 12 }] as const) {
      const bytes = await solid(16, 16, [200, 100, 50])
        .avif({ quality: 100, ...options })
        .toBuffer();
      const pixels = await decoder.decode(bytes, inputOf(1, 1));
      for (const [i, value] of [200, 100, 50].entries()) {
        expect(Math.abs(pixels[i]! - value)).toBeLessThanOrEqual(3);
      }
    }
    const grey = await solid(16, 16, [90, 90, 90]).toColourspace('b-w').avif({ quality: 100 }).toBuffer();
    for (const value of await decoder.decode(grey, inputOf(1, 1)))
      expect(Math.abs(value - 90)).toBeLessThanOrEqual(2);
  });

  it('is seen on white where it is transparent', async () => {
    const pixels = await decoder.decode(transparent, inputOf(1, 1));
    for (const [i, value] of [132, 137, 142].entries())
      expect(Math.abs(pixels[i]! - value)).toBeLessThanOrEqual(3);
  });

  it('that moves is its still picture', async () => {
    const moving = patched(transparent, 'ftyp', 1, 4, Buffer.from('avis'));
    expect(await decoder.decode(moving, inputOf(4, 4))).toEqual(
      await decoder.decode(transparent, inputOf(4, 4)),
    );
  });

  it('that is turned by its container is turned once', async () => {
    const lying = await sharp(await picture([255, 0, 0, 0, 0, 255], 2, 1, 3).png().toBuffer())
      .resize(64, 32, { kernel: 'nearest' })
      .withMetadata({ orientation: 6 })
      .avif({ quality: 100 })
      .toBuffer();
    const { width, height } = await sharp(lying).metadata();
    expect([width, height]).toEqual([32, 64]);
    const pixels = await decoder.decode(lying, inputOf(1, 2, { fit: 'fill' }));
    // Red above, blue below.
    expect(pixels[0]).toBeGreaterThan(200);
    expect(pixels[5]).toBeGreaterThan(200);
  });

  it('with more pixels than the limit is refused before they are decoded, whatever else says so', async () => {
    const large = await solid(2000, 2000, [1, 2, 3]).avif({ effort: 0 }).toBuffer();
    const tooLarge = { code: 'too_large', message: `The image has more than ${MAX_PIXELS} pixels.` };
    expect(await refusal(large)).toMatchObject(tooLarge);
    // The container states a wrong size for the compressed picture.
    expect(await refusal(patched(large, 'ispe', 1, 8, size(64, 64)))).toMatchObject(tooLarge);
    // The picture is small, but its transparency is not.
    expect(await refusal(patched(transparent, 'ispe', 1, 8, size(30_000, 30_000)))).toMatchObject(tooLarge);
  });

  it.each(['grid', 'iovl', 'iden', 'unci', 'hvc1'])(
    'of an item of another kind (%s), such as tiles that may be large, is refused',
    async (type) => {
      const composed = patched(transparent, 'infe', 1, 12, Buffer.from(type));
      expect(await refusal(composed)).toMatchObject({
        code: 'invalid_image',
        message: expect.stringContaining('put together from tiles'),
      });
    },
  );

  it('with colours that were multiplied by their transparency is refused, not read too dark', async () => {
    // The reference of the transparency to the colours becomes the other one, of the same size.
    expect(await refusal(patched(transparent, 'auxl', 1, 0, Buffer.from('prem')))).toMatchObject({
      code: 'invalid_image',
      message: expect.stringContaining('multiplied by their transparency'),
    });
    const titled = Buffer.concat([transparent, Buffer.from('\0\0\0\x10freesupreme!', 'latin1')]);
    expect(await refusal(titled)).toBe('decoded');
  });

  it('with sizes of boxes that make no sense is refused', async () => {
    for (const words of [
      [0, 0, 0, 0],
      [0, 0, 0, 1],
      [0, 0, 0, 7],
      [255, 255, 255, 255],
    ]) {
      for (const box of ['ftyp', 'meta', 'mdat']) {
        const outcome = await refusal(patched(transparent, box, 1, -4, Uint8Array.from(words)));
        if (outcome !== 'decoded') expect(outcome).toMatchObject({ code: 'invalid_image' });
      }
    }
    for (let length = 8; length < 40; length++) {
      expect(await refusal(transparent.subarray(0, length))).toMatchObject({ code: 'invalid_image' });
    }
  });
});

it('HEIC is refused by name, with what to do', async () => {
  for (const brands of ['heic\0\0\0\0mif1heic', 'mif1\0\0\0\0mif1heic', 'heix\0\0\0\0mif1']) {
    const head = Buffer.concat([
      Buffer.of(0, 0, 0, 8 + brands.length),
      Buffer.from(`ftyp${brands}`, 'latin1'),
    ]);
    expect(await refusal(Buffer.concat([head, Buffer.alloc(500)]))).toMatchObject({
      code: 'invalid_image',
      message: expect.stringMatching(/HEIC.*Send it as JPEG/),
    });
  }
});

it('a film is no image', async () => {
  const film = Buffer.from('\0\0\0\x18ftypmp42\0\0\0\0mp42isom', 'latin1');
  expect(await refusal(film)).toMatchObject({ message: expect.stringContaining('The image is a video') });
});

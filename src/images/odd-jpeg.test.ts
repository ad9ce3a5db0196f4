import { describe, expect, it } from 'vitest';
import {
  END,
  inserted,
  losslessJpeg,
  markerAt,
  patched,
  SOF0,
  SOS,
  segment,
} from '../../test/images/jpeg.ts';
import { inputOf, noise, picture } from '../../test/images/pictures.ts';
import { createImageDecoder } from './index.ts';

const decoder = createImageDecoder({ maxPixels: 16 * 2 ** 20 });
const [WIDTH, HEIGHT] = [203, 119];
const photo = picture(noise(WIDTH * HEIGHT * 3, 5), WIDTH, HEIGHT, 3);
const jpeg = await photo.clone().jpeg().toBuffer();
const fullColour = await photo.clone().jpeg({ chromaSubsampling: '4:4:4' }).toBuffer();
const progressive = await photo.clone().jpeg({ progressive: true }).toBuffer();

/** Sizes that are read with and without reduction while loading. */
const SIZES = [4, 32, HEIGHT];
const decode = (bytes: Uint8Array, size: number) => decoder.decode(bytes, inputOf(size, size));
const refusal = (bytes: Uint8Array, size = 32) =>
  decode(bytes, size).then(
    () => 'decoded',
    (error: unknown) => error,
  );

/** A JFIF header of that version. */
const jfif = (major: number, minor: number) =>
  segment(0xe0, Buffer.from([...Buffer.from('JFIF\0'), major, minor, 0, 0, 1, 0, 1, 0, 0]));
const headed = (bytes: Buffer, major: number, minor: number) => inserted(bytes, 2, jfif(major, minor));
/**
 * Repeats the first scan of a progressive JPEG. The pixels stay, but the order of refinements breaks the
 * standard.
 */
function scanTwice(bytes: Buffer): Buffer {
  const first = markerAt(bytes, SOS);
  let end = first + 2;
  while (bytes[end] !== 0xff || bytes[end + 1] === 0) end++;
  return inserted(bytes, end, bytes.subarray(first, end));
}

const ODDITIES: Record<string, readonly [odd: Buffer, sound: Buffer]> = {
  'an end of spectrum of 0 in a sequential scan': [patched(jpeg, SOS, 12, [0]), jpeg],
  'bytes between segments': [inserted(jpeg, markerAt(jpeg, SOS), Buffer.of(1, 2, 3)), jpeg],
  'version 2.1 of JFIF': [headed(jpeg, 2, 1), jpeg],
  'a scan sent twice': [scanTwice(progressive), progressive],
  'no end': [jpeg.subarray(0, -2), jpeg],
  'no end, without chroma subsampling': [fullColour.subarray(0, -2), fullColour],
  'half of an end': [jpeg.subarray(0, -1), jpeg],
  'notes of the camera behind the end': [Buffer.concat([jpeg, Buffer.alloc(5000, 'SEFT')]), jpeg],
  'zeros instead of an end': [Buffer.concat([jpeg.subarray(0, -2), Buffer.alloc(700)]), jpeg],
  'version 2.1 of JFIF and no end': [headed(jpeg, 2, 1).subarray(0, -2), jpeg],
  'an unknown colour transform of Adobe': [
    inserted(jpeg, 2, segment(0xee, Buffer.from('Adobe\0\x64\0\0\0\0\x07', 'latin1'))),
    jpeg,
  ],
};

describe('a JPEG that browsers show, though it has', () => {
  it.each(Object.keys(ODDITIES))('%s, is decoded', async (name) => {
    const [odd, sound] = ODDITIES[name]!;
    expect(odd.equals(sound)).toBe(false);
    for (const size of SIZES) expect(await decode(odd, size)).toEqual(await decode(sound, size));
  });
});

describe('a JPEG that is cut short', () => {
  it.each(['an end of spectrum of 0 in a sequential scan', 'bytes between segments', 'version 2.1 of JFIF'])(
    'is refused, also with %s',
    async (name) => {
      const [odd] = ODDITIES[name]!;
      for (const share of [0.3, 0.6, 0.9, 0.98]) {
        const part = odd.subarray(0, Math.floor(odd.length * share));
        for (const size of SIZES) expect(await refusal(part, size)).toMatchObject({ code: 'invalid_image' });
      }
    },
  );

  it('is refused for any row of pixels that lacks', async () => {
    // A row of blocks has 1.3 kB here.
    for (const bytes of [jpeg, fullColour]) {
      for (const lost of [1500, 3000, 10_000]) {
        for (const size of SIZES) {
          expect(await refusal(bytes.subarray(0, -lost), size)).toMatchObject({ code: 'invalid_image' });
        }
      }
    }
  });

  it('is refused where somebody has written an end behind it', async () => {
    const cut = Buffer.concat([jpeg.subarray(0, jpeg.length / 2), END]);
    for (const size of SIZES) expect(await refusal(cut, size)).toMatchObject({ code: 'invalid_image' });
  });

  it('is refused between two scans of a progressive one', async () => {
    const lastScan = progressive.lastIndexOf(Buffer.of(0xff, SOS));
    for (const size of SIZES) {
      expect(await refusal(progressive.subarray(0, lastScan), size)).toMatchObject({ code: 'invalid_image' });
    }
  });
});

describe('a kind of JPEG', () => {
  /** 8 x 8 pixels of one colour, arithmetic coding, as `cjpeg -arithmetic` of libjpeg-turbo writes it. */
  const ARITHMETIC = Buffer.from(
    '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQH/2wBDAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQH/yQARCAAIAAgDAREAAhEBAxEB/8wACgAQEAUBEBEF/9oADAMBAAIRAxEAPwD/ACH42yYvQP/Z',
    'base64',
  );

  it('with arithmetic coding is read', async () => {
    expect(ARITHMETIC.includes(Buffer.of(0xff, 0xc9))).toBe(true);
    const pixels = await decoder.decode(ARITHMETIC, inputOf(1, 1));
    for (const [i, value] of [200, 100, 50].entries()) {
      expect(Math.abs(pixels[i]! - value)).toBeLessThanOrEqual(2);
    }
  });

  it('without loss is read where it holds RGB', async () => {
    expect(await decoder.decode(losslessJpeg([200, 100, 50]), inputOf(1, 1))).toEqual(
      Uint8Array.of(200, 100, 50),
    );
  });

  it('with progressive coding is read as the same picture of plain coding', async () => {
    const before = await decode(jpeg, 32);
    const after = await decode(progressive, 32);
    expect(Math.max(...after.map((value, i) => Math.abs(value - before[i]!)))).toBeLessThanOrEqual(4);
  });

  it.each([
    ['12 bits', patched(jpeg, SOF0, 4, [12])],
    ['12 bits in an extended frame', patched(patched(jpeg, SOF0, 4, [12]), SOF0, 1, [0xc1])],
    ['lossless coding of luma and chroma', headed(losslessJpeg([200, 100, 50]), 1, 1)],
    ['hierarchical coding', patched(jpeg, SOF0, 1, [0xc5])],
    ['a height that comes later', patched(jpeg, SOF0, 5, [0, 0])],
  ])('with %s is refused with what to do', async (_name, bytes) => {
    expect(await refusal(bytes)).toMatchObject({
      code: 'invalid_image',
      message: expect.stringContaining('Save it as an ordinary JPEG of 8 bits, or as PNG.'),
    });
  });
});

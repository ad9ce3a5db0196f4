import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { adobeRgbProfile } from '../../test/images/icc.ts';
import { inserted, withProfile } from '../../test/images/jpeg.ts';
import { inputOf, noise, picture, solid } from '../../test/images/pictures.ts';
import { createImageDecoder } from './index.ts';

const decoder = createImageDecoder({ maxPixels: 16 * 2 ** 20 });
type Colour = readonly [number, number, number];

const colourOf = async (bytes: Uint8Array) => [...(await decoder.decode(bytes, inputOf(1, 1)))];
async function expectColour(bytes: Uint8Array, colour: Colour, tolerance: number): Promise<void> {
  const pixels = await colourOf(bytes);
  for (const [i, value] of colour.entries())
    expect(Math.abs(pixels[i]! - value), `${pixels} for ${colour}`).toBeLessThanOrEqual(tolerance);
}

/** A JPEG with these stored values, whatever they mean. */
const stored = (colour: Colour) =>
  solid(16, 16, colour).jpeg({ quality: 100, chromaSubsampling: '4:4:4' }).toBuffer();

describe('a photograph of another colour space', () => {
  it.each(['jpeg', 'png', 'webp', 'avif'] as const)(
    'Display P3, in a %s, is seen in sRGB',
    async (format) => {
      const bytes = await solid(16, 16, [200, 100, 50])
        .withIccProfile('p3')
        .toFormat(format, { quality: 100 })
        .toBuffer();
      expect((await sharp(bytes).metadata()).icc).toBeDefined();
      // Read as P3 the colour has less red. Taken for sRGB it would be 187, 106, 63.
      await expectColour(bytes, [200, 100, 50], 3);
    },
  );

  it('Adobe RGB is seen in sRGB', async () => {
    const bytes = withProfile(await stored([150, 150, 75]), adobeRgbProfile());
    // Worked out by hand: gamma, the primaries, D50 to D65, the curve of sRGB.
    await expectColour(bytes, adobeToSrgb([150, 150, 75]), 2);
    expect((await colourOf(await stored([150, 150, 75])))[2]).toBeGreaterThan(70);
  });

  it('CMYK, with a profile and without, is seen in sRGB', async () => {
    const cmyk = solid(16, 16, [200, 100, 50]);
    const plain = await cmyk.clone().toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer();
    const profiled = await cmyk.clone().withIccProfile('cmyk').jpeg({ quality: 100 }).toBuffer();
    expect((await sharp(plain).metadata()).icc).toBeUndefined();
    expect((await sharp(profiled).metadata()).icc).toBeDefined();
    for (const bytes of [plain, profiled]) {
      expect((await sharp(bytes).metadata()).space).toBe('cmyk');
      // Ink cannot show every colour.
      await expectColour(bytes, [200, 100, 50], 32);
    }
  });
});

describe('a broken colour profile', () => {
  const junk = Buffer.from(noise(3000, 9));
  const astray = adobeRgbProfile();
  // The place of the red primary.
  astray.writeUInt32BE(0xffff_ff00, 128 + 4 + 3 * 12 + 4);

  it.each([
    ['of junk', junk],
    ['cut short', adobeRgbProfile().subarray(0, 300)],
    ['that points outside of itself', astray],
    ['of nothing', new Uint8Array()],
  ])('%s, is passed over', async (_name, profile) => {
    await expectColour(withProfile(await stored([200, 100, 50]), profile), [200, 100, 50], 2);
  });

  it('of inks in a picture of lights is passed over', async () => {
    const inks = await sharp(
      await solid(8, 8, [1, 2, 3]).withIccProfile('cmyk').jpeg().toBuffer(),
    ).metadata();
    const png = await solid(16, 16, [200, 100, 50]).png().toBuffer();
    await expectColour(inserted(png, 33, iccChunk(inks.icc!)), [200, 100, 50], 1);
  });

  it('for colours in a grey picture is passed over', async () => {
    const grey = await solid(16, 16, [90, 90, 90]).toColourspace('b-w').jpeg({ quality: 100 }).toBuffer();
    await expectColour(withProfile(grey, adobeRgbProfile()), [90, 90, 90], 1);
  });
});

describe('PNG', () => {
  const pixels = Array.from({ length: 8 * 8 }, (_, i) =>
    i % 2 === 0 ? [250, 10, 90] : [10, 200, 30],
  ).flat();
  const planes = [0, 1, 2].flatMap((channel) => pixels.filter((_, i) => i % 3 === channel));

  it.each([
    ['with a palette', { palette: true }],
    ['interlaced', { progressive: true }],
    ['interlaced, with a palette', { progressive: true, palette: true }],
  ])('%s is read exactly', async (_name, options) => {
    const bytes = await picture(pixels, 8, 8, 3).png(options).toBuffer();
    const { isPalette, isProgressive } = await sharp(bytes).metadata();
    expect({ palette: isPalette, progressive: isProgressive }).toEqual({
      palette: false,
      progressive: false,
      ...options,
    });
    expect([...(await decoder.decode(bytes, inputOf(8, 8)))]).toEqual(planes);
  });

  it('of 16 bits, with alpha, is seen on white', async () => {
    const bytes = await picture([10, 20, 30, 0], 1, 1, 4).toColourspace('rgb16').png().toBuffer();
    expect((await sharp(bytes).metadata()).depth).toBe('ushort');
    expect(await colourOf(bytes)).toEqual([255, 255, 255]);
  });
});

/** A colour profile as a PNG chunk, to go behind the header of 33 bytes. */
function iccChunk(profile: Buffer): Buffer {
  const content = Buffer.concat([Buffer.from('iCCPname\0\0', 'latin1'), deflateSync(profile)]);
  const ends = Buffer.alloc(8);
  ends.writeUInt32BE(content.length - 4, 0);
  ends.writeUInt32BE(crc32(content), 4);
  return Buffer.concat([ends.subarray(0, 4), content, ends.subarray(4)]);
}

/** Adobe RGB to sRGB over XYZ of D65, by the matrices of the two standards. */
function adobeToSrgb(colour: Colour): Colour {
  const [r, g, b] = colour.map((value) => (value / 255) ** (563 / 256)) as [number, number, number];
  const [x, y, z] = [
    0.57667 * r + 0.18556 * g + 0.18823 * b,
    0.29734 * r + 0.62736 * g + 0.07529 * b,
    0.02703 * r + 0.07069 * g + 0.99134 * b,
  ];
  const linear = [
    3.2406 * x - 1.5372 * y - 0.4986 * z,
    -0.9689 * x + 1.8758 * y + 0.0415 * z,
    0.0557 * x - 0.204 * y + 1.057 * z,
  ];
  return linear.map((value) => {
    const light = Math.min(1, Math.max(0, value));
    return Math.round(255 * (light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055));
  }) as unknown as Colour;
}

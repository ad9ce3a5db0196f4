import { gzipSync } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { inputOf, noise, picture, solid } from '../../test/images/pictures.ts';
import { createImageDecoder } from './index.ts';

const decoder = createImageDecoder({ maxPixels: 16 * 2 ** 20 });

describe('what it refuses', () => {
  const refusal = (bytes: Uint8Array, one = decoder) =>
    one.decode(bytes, inputOf(8, 8)).then(
      () => 'decoded',
      (error: unknown) => error,
    );
  const texture = picture(noise(64 * 64 * 3, 1), 64, 64, 3);

  it('what is not an image', async () => {
    const svg =
      '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="8" height="8"/></svg>';
    const gif = await solid(8, 8, [1, 2, 3]).gif().toBuffer();
    const tiff = await solid(8, 8, [1, 2, 3]).tiff().toBuffer();
    const video = Buffer.from('\0\0\0\x18ftypisom\0\0\0\0isom', 'latin1');
    const png = await solid(8, 8, [1, 2, 3]).png().toBuffer();
    const avif = await solid(8, 8, [1, 2, 3]).avif().toBuffer();
    const jpeg = await solid(8, 8, [1, 2, 3]).jpeg().toBuffer();
    const convert = 'convert it to one of them first.';
    for (const [bytes, what, advice] of [
      [Buffer.from(svg), 'an SVG file', convert],
      [Buffer.from(`<?xml version="1.0"?>${svg}`), 'an SVG file', convert],
      [Buffer.from(`<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "">${svg}`), 'an SVG file', convert],
      [Buffer.from(`\uFEFF${svg}`), 'an SVG file', convert],
      [gif, 'a GIF file', convert],
      [tiff, 'a TIFF file', convert],
      [video, 'a video', convert],
      [Buffer.from('%PDF-1.7'), 'a PDF file', convert],
      [
        Buffer.from(png.filter((byte) => ![0x00, 0x0a, 0x0d].includes(byte))),
        'a PNG file whose line breaks have been changed',
        'send it as it is, which is --data-binary and not -d with curl.',
      ],
      [Buffer.from('<!DOCTYPE html><title>404</title>'), 'an HTML page', 'look at what it says.'],
      [gzipSync(png), 'compressed by gzip', 'say so in the header Content-Encoding, or send it as it is.'],
      [Buffer.from(png.toString('base64')), 'text in base64', 'send it as JSON {"image": "..."}'],
      [Buffer.from(avif.toString('base64')), 'text in base64', 'send it as JSON {"image": "..."}'],
      [Buffer.from(jpeg.toString('base64url')), 'text in base64', 'send it as JSON {"image": "..."}'],
      [Buffer.from('data:image/png;base64,iVBORw0KGgo='), 'a data: URL', 'send it as JSON {"image": "..."}'],
    ] as const) {
      expect(await refusal(bytes)).toMatchObject({
        code: 'invalid_image',
        message: expect.stringContaining(
          `The image is ${what}; JPEG, PNG, WebP and AVIF are read: ${advice}`,
        ),
      });
    }
    for (const bytes of [Buffer.from('hello'), Buffer.from(noise(5000, 3))]) {
      expect(await refusal(bytes)).toMatchObject({
        code: 'invalid_image',
        message: 'The image is not a JPEG, PNG, WebP or AVIF file.',
      });
    }
    expect(await refusal(new Uint8Array())).toMatchObject({
      code: 'invalid_image',
      message: 'The image is empty.',
    });
  });

  it('what sharp could open beside the four types', async () => {
    const gif = await solid(8, 8, [1, 2, 3]).gif().toBuffer();
    await expect(sharp(gif).metadata()).rejects.toThrow('unsupported image format');
  });

  it('a file of another type behind a known signature', async () => {
    const pngHead = (await solid(8, 8, [1, 2, 3]).png().toBuffer()).subarray(0, 8);
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>');
    expect(await refusal(Buffer.concat([pngHead, svg]))).toMatchObject({ code: 'invalid_image' });
  });

  it.each(['jpeg', 'png', 'webp', 'avif'] as const)('a %s cut short at any length', async (format) => {
    const bytes = await texture.clone().toFormat(format).toBuffer();
    expect(await refusal(bytes)).toBe('decoded');
    for (const share of [0.01, 0.1, 0.3, 0.6, 0.9]) {
      const part = bytes.subarray(0, Math.max(12, Math.floor(bytes.length * share)));
      expect(await refusal(part)).toMatchObject({
        code: 'invalid_image',
        message: expect.stringContaining('cannot be decoded'),
      });
    }
  });

  it('a PNG of no width', async () => {
    const bytes = await solid(8, 8, [1, 2, 3]).png().toBuffer();
    bytes.writeUInt32BE(0, 16);
    expect(await refusal(bytes)).toMatchObject({ code: 'invalid_image' });
  });

  it('a bomb, before its pixels are read', async () => {
    const bomb = await solid(20_000, 20_000, [0, 0, 0]).png({ compressionLevel: 9 }).toBuffer();
    expect(bomb.length).toBeLessThan(2e6);
    const before = process.memoryUsage().rss;
    expect(await refusal(bomb)).toMatchObject({
      code: 'too_large',
      message: `The image has more than ${16 * 2 ** 20} pixels.`,
    });
    // Its pixels would take 1.2 GB.
    expect(process.memoryUsage().rss - before).toBeLessThan(400e6);
  });

  it('one pixel over the limit, and not one under', async () => {
    const strict = createImageDecoder({ maxPixels: 100 });
    expect(await refusal(await solid(10, 10, [1, 2, 3]).webp().toBuffer(), strict)).toBe('decoded');
    expect(await refusal(await solid(101, 1, [1, 2, 3]).webp().toBuffer(), strict)).toMatchObject({
      code: 'too_large',
    });
  });

  it('more bytes than the limit', async () => {
    const strict = createImageDecoder({ maxPixels: 100, maxBytes: 10 });
    expect(await refusal(await solid(2, 2, [1, 2, 3]).png().toBuffer(), strict)).toMatchObject({
      code: 'too_large',
      message: expect.stringContaining('the limit is 10'),
    });
  });

  it.each(['jpeg', 'png', 'webp', 'avif'] as const)(
    'nothing else, however a %s is damaged',
    async (format) => {
      const bytes = await texture.clone().toFormat(format).toBuffer();
      for (let round = 0; round < 60; round++) {
        const damaged = Buffer.from(bytes);
        for (const [i, value] of noise(6, round + 1).entries()) {
          damaged[(value * 977 + i * 131 + round * 37) % damaged.length] = value;
        }
        const outcome = await refusal(damaged);
        if (outcome !== 'decoded') expect(outcome).toMatchObject({ name: 'ServiceError' });
      }
    },
  );
});

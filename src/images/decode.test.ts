import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { inputOf, picture, solid } from '../../test/images/pictures.ts';
import type { InputSpec } from '../models/model.ts';
import { createImageDecoder } from './index.ts';

const decoder = createImageDecoder({ maxPixels: 16 * 2 ** 20 });

/** 4 x 3 pixels, all different. */
const gradient = Array.from({ length: 4 * 3 * 3 }, (_, i) => i * 7);
const plane = (channel: number) => gradient.filter((_, i) => i % 3 === channel);

const decode = async (bytes: Uint8Array, input: InputSpec) => [...(await decoder.decode(bytes, input))];

describe('pixels', () => {
  it('passes a lossless image of the target size through untouched, as planes', async () => {
    for (const fit of ['cover', 'contain', 'fill'] as const) {
      const png = await picture(gradient, 4, 3, 3).png().toBuffer();
      const webp = await picture(gradient, 4, 3, 3).webp({ lossless: true }).toBuffer();
      for (const bytes of [png, webp]) {
        expect(await decode(bytes, inputOf(4, 3, { fit }))).toEqual([...plane(0), ...plane(1), ...plane(2)]);
      }
    }
  });

  it('orders planes for bgr and computes luma for gray', async () => {
    const png = await picture(gradient, 4, 3, 3).png().toBuffer();
    expect(await decode(png, inputOf(4, 3, { channels: 'bgr' }))).toEqual([
      ...plane(2),
      ...plane(1),
      ...plane(0),
    ]);
    const grey = plane(0).map((r, i) =>
      Math.round((299 * r + 587 * plane(1)[i]! + 114 * plane(2)[i]!) / 1000),
    );
    expect(await decode(png, inputOf(4, 3, { channels: 'gray', mean: [0], std: [1] }))).toEqual(grey);
  });

  it('reads grey images exactly, as gray and as rgb', async () => {
    const pixels = [0, 1, 77, 128, 254, 255];
    const png = await picture(pixels, 3, 2, 1).toColourspace('b-w').png().toBuffer();
    expect((await sharp(png).metadata()).channels).toBe(1);
    expect(await decode(png, inputOf(3, 2, { channels: 'gray', mean: [0], std: [1] }))).toEqual(pixels);
    expect(await decode(png, inputOf(3, 2))).toEqual([...pixels, ...pixels, ...pixels]);
  });

  it('reads 16-bit PNG', async () => {
    const png = await solid(2, 1, [10, 100, 250]).toColourspace('rgb16').png().toBuffer();
    expect((await sharp(png).metadata()).depth).toBe('ushort');
    expect(await decode(png, inputOf(2, 1))).toEqual([10, 10, 100, 100, 250, 250]);
  });

  it('reads JPEG in colour, grey and CMYK', async () => {
    const colour = await solid(16, 16, [200, 100, 50]).jpeg({ quality: 95 }).toBuffer();
    const grey = await solid(16, 16, [90, 90, 90]).toColourspace('b-w').jpeg({ quality: 95 }).toBuffer();
    const cmyk = await solid(16, 16, [200, 100, 50]).toColourspace('cmyk').jpeg({ quality: 95 }).toBuffer();
    expect((await sharp(grey).metadata()).channels).toBe(1);
    expect((await sharp(cmyk).metadata()).space).toBe('cmyk');
    for (const [bytes, rgb, tolerance] of [
      [colour, [200, 100, 50], 3],
      [grey, [90, 90, 90], 1],
      // Ink cannot show every colour.
      [cmyk, [200, 100, 50], 32],
    ] as const) {
      const pixels = await decode(bytes, inputOf(1, 1));
      for (const [i, value] of rgb.entries()) expect(Math.abs(pixels[i]! - value)).toBeLessThan(tolerance);
    }
  });

  it('puts transparent pixels on white, whatever colour hides beneath', async () => {
    const png = await picture([10, 20, 30, 255, 10, 20, 30, 0, 10, 20, 30, 128], 3, 1, 4).png().toBuffer();
    const [r, g, b] = [10, 20, 30].map((c) => [c, 255, Math.floor((c * 128 + 255 * 127) / 255)]);
    const pixels = await decode(png, inputOf(3, 1));
    for (const [i, value] of [...r!, ...g!, ...b!].entries()) {
      expect(Math.abs(pixels[i]! - value)).toBeLessThanOrEqual(1);
    }
  });

  it('takes the first frame of an animation', async () => {
    const frames = picture([...gradient, ...gradient.map(() => 0)], 4, 6, 3);
    const bytes = await sharp(await frames.raw().toBuffer(), {
      raw: { width: 4, height: 6, channels: 3, pageHeight: 3 },
    })
      .webp({ lossless: true, loop: 0, delay: [100, 100] })
      .toBuffer();
    expect((await sharp(bytes, { pages: -1 }).metadata()).pages).toBe(2);
    expect(await decode(bytes, inputOf(4, 3))).toEqual([...plane(0), ...plane(1), ...plane(2)]);
  });
});

/** For each EXIF orientation, where the stored pixel (x, y) of a w x h image appears. */
const seenAt: Record<number, (x: number, y: number, w: number, h: number) => [number, number]> = {
  1: (x, y) => [x, y],
  2: (x, y, w) => [w - 1 - x, y],
  3: (x, y, w, h) => [w - 1 - x, h - 1 - y],
  4: (x, y, _w, h) => [x, h - 1 - y],
  5: (x, y) => [y, x],
  6: (x, y, _w, h) => [h - 1 - y, x],
  7: (x, y, w, h) => [h - 1 - y, w - 1 - x],
  8: (x, y, w) => [y, w - 1 - x],
};

describe('EXIF orientation', () => {
  it.each(Object.keys(seenAt).map(Number))('%i is turned upright', async (orientation) => {
    const [w, h] = [4, 3];
    const [width, height] = orientation > 4 ? [h, w] : [w, h];
    const bytes = await picture(gradient, w, h, 3)
      .withMetadata({ orientation })
      .webp({ lossless: true })
      .toBuffer();
    const expected = new Array<number>(w * h);
    for (let y = 0; y < h; y++) {
      for (let x = 0; x < w; x++) {
        const [seenX, seenY] = seenAt[orientation]!(x, y, w, h);
        expected[seenY * width + seenX] = plane(0)[y * w + x]!;
      }
    }
    expect((await decode(bytes, inputOf(width, height))).slice(0, w * h)).toEqual(expected);
  });
});

describe('resizing', () => {
  it('reduces with the antialiased triangle filter', async () => {
    const row = [0, 0, 0, 0, 255, 0, 0, 0];
    const png = await picture(new Array(8).fill(row).flat(), 8, 8, 1).png().toBuffer();
    const pixels = await decode(png, inputOf(4, 4));
    // Halving uses four source pixels with the weights 1/8, 3/8, 3/8, 1/8. A sharper kernel would undershoot.
    for (const [i, value] of [0, 255 / 8, (255 * 3) / 8, 0].entries()) {
      expect(Math.abs(pixels[i]! - value)).toBeLessThanOrEqual(2);
    }
  });

  it('reduces a JPEG as the same pixels in a PNG, whatever its sides', async () => {
    const waves = Array.from({ length: 300 * 300 }, (_, i) => {
      const [x, y] = [i % 300, Math.floor(i / 300)];
      return Math.round(128 + 60 * Math.sin(x / 6) + 60 * Math.sin(y / 6));
    });
    const jpeg = await picture(waves, 300, 300, 1).jpeg({ quality: 100 }).toBuffer();
    const png = await sharp(jpeg).png().toBuffer();
    const [fromJpeg, fromPng] = [await decode(jpeg, inputOf(32, 32)), await decode(png, inputOf(32, 32))];
    const difference = fromJpeg.reduce((sum, value, i) => sum + Math.abs(value - fromPng[i]!), 0);
    expect(difference / fromJpeg.length).toBeLessThan(2);
  });

  const half = [...Array(8).fill([255, 0, 0]), ...Array(8).fill([0, 0, 255])].flat();
  const wide = new Array(4).fill(half).flat();

  it('covers by cropping to the centre', async () => {
    const png = await picture(wide, 16, 4, 3).png().toBuffer();
    const pixels = await decode(png, inputOf(4, 4, { fit: 'cover' }));
    expect(pixels.slice(0, 4)).toEqual([255, 255, 0, 0]);
    expect(pixels.slice(32, 36)).toEqual([0, 0, 255, 255]);
  });

  it('contains by padding with black', async () => {
    const png = await solid(16, 4, [255, 255, 255]).png().toBuffer();
    const pixels = await decode(png, inputOf(8, 8, { fit: 'contain' }));
    const rows = Array.from({ length: 8 }, (_, y) => pixels.slice(y * 8, y * 8 + 8));
    expect(rows.map((row) => new Set(row).size)).toEqual(new Array(8).fill(1));
    expect(rows.map((row) => row[0])).toEqual([0, 0, 0, 255, 255, 0, 0, 0]);
  });

  it('fills by stretching', async () => {
    const png = await solid(16, 4, [255, 255, 255]).png().toBuffer();
    expect(new Set(await decode(png, inputOf(8, 8, { fit: 'fill' })))).toEqual(new Set([255]));
  });

  it('enlarges a single pixel', async () => {
    const png = await picture([9, 8, 7], 1, 1, 3).png().toBuffer();
    expect(await decode(png, inputOf(2, 2))).toEqual([9, 9, 9, 9, 8, 8, 8, 8, 7, 7, 7, 7]);
  });

  it.each([
    [1, 20_000],
    [20_000, 1],
  ])('bears extreme shapes: %i x %i', async (width, height) => {
    const png = await solid(width, height, [9, 8, 7]).png().toBuffer();
    for (const fit of ['cover', 'contain', 'fill'] as const) {
      expect(await decode(png, inputOf(32, 32, { fit }))).toHaveLength(3 * 32 * 32);
    }
  });
});

describe('many at once', () => {
  it('answers each with its own pixels while the event loop stays free', async () => {
    const images = await Promise.all(
      Array.from({ length: 200 }, (_, i) =>
        solid(300, 300, [i, 255 - i, 7])
          .png()
          .toBuffer(),
      ),
    );
    let longestGapMs = 0;
    const began = performance.now();
    let last = began;
    const timer = setInterval(() => {
      longestGapMs = Math.max(longestGapMs, performance.now() - last);
      last = performance.now();
    }, 5);
    const pixels = await Promise.all(images.map((bytes) => decode(bytes, inputOf(1, 1))));
    clearInterval(timer);
    expect(pixels).toEqual(images.map((_, i) => [i, 255 - i, 7]));
    expect(longestGapMs).toBeLessThan((performance.now() - began) / 2);
  });
});

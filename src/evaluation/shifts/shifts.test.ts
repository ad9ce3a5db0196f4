import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { float32, type Tensor } from '../../tensor.ts';
import { applyShift, SHIFTS, shiftNames } from './index.ts';
import { disk, line } from './kernels.ts';

/** Two smooth pictures of 32 x 34 with values in the middle of the range. */
function pictures(channels = 3): Tensor<'float32'> {
  const dims = [2, channels, 32, 34];
  const size = 2 * channels * 32 * 34;
  return float32(
    dims,
    Float32Array.from({ length: size }, (_, i) => 0.5 + 0.4 * Math.sin(i / 7)),
  );
}

const shift = (name: string, seed = 0, first = 0, batch = pictures()) =>
  applyShift(name, batch, { seed, first });

/** Those in which chance has a part. */
const SEEDED = /noise|salt|motion|fog/;

describe.each(Object.keys(SHIFTS))('%s', (name) => {
  it('is the same for the same seed, and changes what it is given', async () => {
    const [one, other] = [await shift(name), await shift(name)];
    expect(one.data).toEqual(other.data);
    expect(one.data).not.toEqual(pictures().data);
  });

  it('is another for another seed and another image where chance has a part, and only there', async () => {
    const [here, seed, image] = [await shift(name), await shift(name, 1), await shift(name, 0, 2)];
    if (SEEDED.test(name)) {
      expect(seed.data).not.toEqual(here.data);
      expect(image.data).not.toEqual(here.data);
    } else {
      expect(seed.data).toEqual(here.data);
      expect(image.data).toEqual(here.data);
    }
  });

  it('does to an image the same whatever stands before it', async () => {
    const both = await shift(name);
    const { dims, data } = pictures();
    const alone = float32([1, ...dims.slice(1)], data.slice(data.length / 2));
    expect((await shift(name, 0, 1, alone)).data).toEqual(both.data.slice(data.length / 2));
  });

  it('stays within [0, 1], also for one channel', async () => {
    for (const batch of [pictures(), pictures(1)]) {
      const { data } = await shift(name, 0, 0, batch);
      expect(data.length).toBe(batch.data.length);
      expect(Math.min(...data)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...data)).toBeLessThanOrEqual(1);
    }
  });

  it('is defined in a line of the documentation', async () => {
    const page = await readFile(new URL('../../../docs/evaluation.md', import.meta.url), 'utf8');
    const corruption = /^(.*)-[1-5]$/.exec(name)?.[1];
    if (corruption === undefined) expect(page).toContain(`| \`${name}\` | ${SHIFTS[name]!.says} |`);
    else expect(page).toContain(`| \`${corruption}\` |`);
  });
});

const of = async (name: string, values: readonly number[], [height, width]: [number, number]) =>
  (await applyShift(name, float32([1, 1, height, width], values), { seed: 0, first: 0 })).data;

/** The mean and the standard deviation. */
function moments(values: ArrayLike<number>): [number, number] {
  const all = Array.from(values);
  const mean = all.reduce((sum, x) => sum + x, 0) / all.length;
  return [mean, Math.sqrt(all.reduce((sum, x) => sum + (x - mean) ** 2, 0) / all.length)];
}

describe('the eight', () => {
  const grey = Array<number>(10_000).fill(0.5);

  it.each([
    ['noise', 0.06],
    ['noise-more', 0.1],
  ])('%s has its deviation', async (name, deviation) => {
    const [mean, found] = moments(await of(name, grey, [100, 100]));
    expect(mean).toBeCloseTo(0.5, 2);
    expect(found).toBeCloseTo(deviation, 2);
  });

  it.each([
    ['dark', [0.2, 0.4]],
    ['contrast', [0.5, 0.65]],
    ['bright', [0.7, 1]],
  ])('%s is its formula', async (name, expected) => {
    const found = await of(name, [0.5, 1], [1, 2]);
    expected.forEach((value, i) => {
      expect(found[i]).toBeCloseTo(value, 6);
    });
  });

  it('blur is a Gaussian of 7 taps, mirrored without repeating the border', async () => {
    const taps = [-3, -2, -1, 0, 1, 2, 3].map((d) => Math.exp((-d * d) / 2));
    const total = taps.reduce((sum, tap) => sum + tap, 0);
    const [far, , near, middle] = taps.map((tap) => tap / total) as [number, number, number, number];
    const dot = Array.from({ length: 81 }, (_, i) => (i === 40 ? 1 : 0));
    const spread = await of('blur', dot, [9, 9]);
    expect(spread[40]).toBeCloseTo(middle * middle, 6);
    expect(spread[39]).toBeCloseTo(middle * near, 6);
    expect(spread[37]).toBeCloseTo(middle * far, 6);
    // The second place of a line is met by the first from both of its sides.
    const edge = await of('blur', [0, 1, 0, 0, 0, 0, 0], [1, 7]);
    expect(edge[0]).toBeCloseTo(2 * near, 6);
  });

  it('pixelated is the mean of 2 x 2, and what an odd border leaves over', async () => {
    const found = await of('pixelated', [0, 0.2, 1, 0.4, 0.6, 0.8, 0.5, 0.7, 0.1], [3, 3]);
    const expected = [0.3, 0.3, 0.9, 0.3, 0.3, 0.9, 0.6, 0.6, 0.1];
    expected.forEach((value, i) => {
      expect(found[i]).toBeCloseTo(value, 6);
    });
  });

  it('salt sets 2 % of the values to 0 and 2 % to 1', async () => {
    const found = await of('salt', grey, [100, 100]);
    const share = (value: number) => found.filter((each) => each === value).length / found.length;
    expect(share(0)).toBeCloseTo(0.02, 2);
    expect(share(1)).toBeCloseTo(0.02, 2);
    expect(share(0.5)).toBeCloseTo(0.96, 2);
  });
});

describe('corruptions', () => {
  const kinds = [...new Set(Object.keys(SHIFTS).flatMap((name) => /^(.*)-[1-5]$/.exec(name)?.[1] ?? []))];

  it.each(kinds)('%s changes more with each severity', async (kind) => {
    // A picture with edges and colours, of the size that severities are made for.
    const data = Float32Array.from({ length: 3 * 32 * 32 }, (_, i) => {
      const [c, y, x] = [Math.floor(i / 1024), Math.floor(i / 32) % 32, i % 32];
      return 0.3 + 0.4 * Number((x * x + 3 * y) % 11 < 5) + 0.02 * ((x * 7 + y * 3) % 5) * (c + 1);
    });
    const picture = float32([1, 3, 32, 32], data);
    const changes: number[] = [];
    for (const severity of [1, 2, 3, 4, 5]) {
      const { data: changed } = await shift(`${kind}-${severity}`, 0, 0, picture);
      changes.push(moments(changed.map((value, i) => Math.abs(value - data[i]!)))[0]);
    }
    expect(changes).toEqual(changes.toSorted((a, b) => a - b));
  });

  it('blur by kernels whose weights sum to 1', () => {
    for (const taps of [disk(0.8), disk(2.5), line(4, 0.7), line(0.5, 2)]) {
      expect(taps.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 10);
    }
  });
});

describe('the names of a list', () => {
  it('may stand for several, and are taken once', () => {
    expect(shiftNames('none')).toEqual([]);
    expect(shiftNames('all')).toHaveLength(8);
    expect(shiftNames('common')).toContain('jpeg-3');
    expect(shiftNames('noise, fog,jpeg-5,noise')).toEqual(['noise', 'fog-3', 'jpeg-5']);
  });

  it.each(['rain', 'fog-6', '', 'noise,'])('"%s" is refused', (name) => {
    expect(() => shiftNames(name)).toThrow('There is no shift "');
  });
});

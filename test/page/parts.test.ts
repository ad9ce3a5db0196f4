import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { apply, EFFECTS, type Effects, isUntouched, NONE, type Pixels } from '../../src/page/effects.ts';
import { readLink, writeLink } from '../../src/page/link.ts';
import { type Call, LANGUAGES, snippet } from '../../src/page/snippets.ts';

const SIDE = 24;

/** A slope from dark to bright, red more than blue. */
function slope(): Pixels {
  const data = new Uint8ClampedArray(4 * SIDE * SIDE);
  for (let i = 0; i < SIDE * SIDE; i++) {
    const bright = 40 + 6 * (i % SIDE);
    data.set([bright + 30, bright, bright / 2, 255], 4 * i);
  }
  return { data, width: SIDE, height: SIDE };
}

function changed(effects: Partial<Effects>, seed = 1, cell = 1): Pixels {
  const pixels = slope();
  apply({ ...NONE, ...effects }, pixels, cell, seed);
  return pixels;
}

const channel = ({ data }: Pixels, c: number): number[] => [...data].filter((_, i) => i % 4 === c);
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
const deviation = (values: readonly number[]): number =>
  Math.sqrt(mean(values.map((value) => (value - mean(values)) ** 2)));

describe('effects', () => {
  it.each(EFFECTS.map(({ name, max }) => [name, max] as const))(
    '%s changes the picture, and not its alpha',
    (name, max) => {
      expect(isUntouched({ ...NONE, [name]: max })).toBe(false);
      const pixels = changed({ [name]: max / 2 });
      expect(pixels.data).not.toEqual(slope().data);
      expect(channel(pixels, 3).every((alpha) => alpha === 255)).toBe(true);
    },
  );

  it('leave the picture as it is where there are none', () => {
    expect(isUntouched(NONE)).toBe(true);
    expect(changed({}).data).toEqual(slope().data);
  });

  it('add noise of the deviation that was asked for, the same for a seed', () => {
    const noisy = changed({ noise: 0.1 });
    const added = channel(noisy, 1).map((value, i) => value - channel(slope(), 1)[i]!);
    expect(mean(added)).toBeCloseTo(0, -1);
    expect(deviation(added)).toBeGreaterThan(0.085 * 255);
    expect(deviation(added)).toBeLessThan(0.115 * 255);
    expect(changed({ noise: 0.1 }).data).toEqual(noisy.data);
    expect(changed({ noise: 0.1 }, 2).data).not.toEqual(noisy.data);
  });

  it('add noise in grains as large as pixels of the model', () => {
    const { data } = changed({ noise: 0.2 }, 1, 4);
    const added = (x: number, y: number): number =>
      data[4 * (y * SIDE + x)]! - slope().data[4 * (y * SIDE + x)]!;
    expect(added(5, 5)).toBe(added(6, 7));
    expect(added(5, 5)).not.toBe(added(8, 5));
  });

  it('darken, grey and blur by as much as they say', () => {
    expect(mean(channel(changed({ darkness: 0.5 }), 0))).toBeCloseTo(mean(channel(slope(), 0)) / 2, 0);
    const grey = changed({ fading: 1 });
    expect(channel(grey, 0)).toEqual(channel(grey, 2));
    expect(deviation(channel(changed({ blur: 4 }), 0))).toBeLessThan(deviation(channel(slope(), 0)));
    expect(mean(channel(changed({ blocks: 8 }), 0))).toBeCloseTo(mean(channel(slope(), 0)), 0);
    expect(new Set(channel(changed({ blocks: 8 }), 0)).size).toBe(3);
  });
});

describe('links', () => {
  it('restore what they were made of', () => {
    const view = {
      example: 'cat, frame 9',
      model: 'a/b & c',
      recipe: 'dent+',
      effects: { ...NONE, noise: 0.21, blocks: 2.5 },
      seed: 77,
    };
    expect(readLink(writeLink(view))).toEqual(view);
    expect(readLink(writeLink({ ...view, recipe: '' }))).toEqual({ ...view, recipe: '' });
  });

  it.each(['', '#', '#noise=NaN&blur=-3&seed=x', '#noise=1e9&seed=1e99&darkness=Infinity', '#%%%=&=='])(
    'that are nonsense do no harm: %s',
    (hash) => {
      const { effects, seed } = readLink(hash);
      for (const { name, max } of EFFECTS) {
        expect(effects[name]).toBeGreaterThanOrEqual(0);
        expect(effects[name]).toBeLessThanOrEqual(max);
      }
      expect(Number.isSafeInteger(seed)).toBe(true);
    },
  );
});

describe('calls', () => {
  const nasty: Call = {
    server: 'http://127.0.0.1:1',
    model: 'it\'s $(echo no) `x` "y" \\ é',
    recipe: 'dent+',
    topK: 3,
    picture: { url: 'http://127.0.0.1:1/page/a.jpg' },
    needsKey: true,
  };
  const address = `http://127.0.0.1:1/v1/models/${encodeURIComponent(nasty.model)}/predict?recipe=dent%2B&top_k=3`;

  it('survive the shell whatever a model is called', async () => {
    const script = `curl() { printf '%s\\n' "$@"; }\n${snippet('curl', nasty)}`;
    const { stdout } = await promisify(execFile)('sh', ['-c', script]);
    expect(stdout.trim().split('\n')).toEqual([
      '-H',
      'Authorization: Bearer KEY',
      '--data-binary',
      '@-',
      address,
    ]);
  });

  it.each(LANGUAGES)(
    'in %s name the file that has to be saved, and ask for a key only where one is needed',
    (language) => {
      const text = snippet(language, { ...nasty, picture: { file: 'picture.png' }, needsKey: false });
      expect(text).toContain('picture.png');
      expect(text).not.toContain('KEY');
    },
  );
});

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { PRESETS } from '../../src/dent/index.ts';
import { shiftNames } from '../../src/evaluation/index.ts';
import { applyShift } from '../../src/evaluation/shifts/index.ts';
import { createImageDecoder } from '../../src/images/index.ts';
import { apply, EFFECTS, type Effects, isUntouched, NONE, SHIFTS } from '../../src/page/effects.ts';
import { gridOf, type Pixels, resample } from '../../src/page/grid.ts';
import { readLink, writeLink } from '../../src/page/link.ts';
import { insteadInWords, recipeInWords } from '../../src/page/recipe-words.ts';
import { type Call, LANGUAGES, snippet } from '../../src/page/snippets.ts';
import { float32 } from '../../src/tensor.ts';

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
  const grid = { across: cell, down: cell, left: 0, top: 0 };
  apply({ ...NONE, ...effects }, pixels, { grid, seed, isGrey: false });
  return pixels;
}

const channel = ({ data }: Pixels, c: number): number[] => [...data].filter((_, i) => i % 4 === c);
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
function deviation(values: readonly number[]): number {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
}

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

  it('add noise without colours for a model that sees none', () => {
    const pixels = slope();
    const grid = { across: 1, down: 1, left: 0, top: 0 };
    apply({ ...NONE, noise: 0.05 }, pixels, { grid, seed: 1, isGrey: true });
    const added = (c: number) => channel(pixels, c).map((value, i) => value - channel(slope(), c)[i]!);
    expect(added(0)).toEqual(added(1));
  });

  it('are as strong at every size of the picture', () => {
    const large = changed({ salt: 0.1 }, 1, 4);
    const side = SIDE / 4;
    const small: Pixels = { data: slope().data.slice(0, 4 * side * side), width: side, height: side };
    const grid = { across: 1, down: 1, left: 0, top: 0 };
    apply({ ...NONE, salt: 0.1 }, small, { grid, seed: 1, isGrey: false });
    const isBlack = ({ data, width }: Pixels, x: number, y: number) => data[4 * (y * width + x)] === 0;
    const places = Array.from({ length: side * side }, (_, i) => [i % side, Math.floor(i / side)] as const);
    const black = places.filter(([x, y]) => isBlack(small, x, y));
    expect(black.length).toBeGreaterThan(0);
    expect(places.filter(([x, y]) => isBlack(large, 4 * x, 4 * y))).toEqual(black);
  });

  it('mean squares that begin where the model sees the picture begin', () => {
    const pixels = slope();
    const grid = { across: 2, down: 2, left: 5, top: -1 };
    apply({ ...NONE, pixelation: 2 }, pixels, { grid, seed: 1, isGrey: false });
    const row = channel(pixels, 0).slice(0, SIDE);
    expect(row.slice(1, 5)).toEqual(Array(4).fill(row[1]));
    expect(row[5]).not.toBe(row[4]);
    expect(row.slice(5, 9)).toEqual(Array(4).fill(row[5]));
  });
});

describe('the eight shifts of dent evaluate', () => {
  const side = 32;
  const values = Float32Array.from(
    { length: 3 * side * side },
    (_, i) => 0.2 + (0.6 * ((i * 37) % 101)) / 101,
  );
  const smooth = values.map((_, i) => 0.5 + 0.3 * Math.sin(i / 9));

  async function both(name: string, planar: Float32Array): Promise<[number[], number[]]> {
    const { data } = await applyShift(name, float32([1, 3, side, side], planar), { seed: 0, first: 0 });
    const pixels = { data: new Uint8ClampedArray(4 * side * side), width: side, height: side };
    for (let i = 0; i < side * side; i++) {
      for (let c = 0; c < 3; c++) pixels.data[4 * i + c] = 255 * planar[c * side * side + i]!;
    }
    const grid = { across: 1, down: 1, left: 0, top: 0 };
    apply(SHIFTS.find((each) => each.name === name)!.effects, pixels, { grid, seed: 1, isGrey: false });
    const shown = [0, 1, 2].flatMap((c) => channel(pixels, c));
    return [shown, Array.from(data, (value) => 255 * value)];
  }

  it('are all on the page', () => {
    expect(SHIFTS.map(({ name }) => name)).toEqual(shiftNames('all'));
  });

  it.each(['dark', 'contrast', 'bright', 'pixelated'])('%s is the same', async (name) => {
    const [shown, measured] = await both(name, values);
    for (const [i, value] of measured.entries()) expect(Math.abs(shown[i]! - value)).toBeLessThan(1.5);
  });

  it('blur is about the same', async () => {
    const [shown, measured] = await both('blur', smooth);
    const away = shown.map((value, i) => Math.abs(value - measured[i]!));
    expect(mean(away)).toBeLessThan(5);
  });

  it.each(['noise', 'noise-more', 'salt'])('%s is as strong', async (name) => {
    const grey = new Float32Array(values.length).fill(0.5);
    const [shown, measured] = await both(name, grey);
    expect(mean(shown)).toBeCloseTo(mean(measured), -1);
    expect(deviation(shown) / deviation(measured)).toBeGreaterThan(0.85);
    expect(deviation(shown) / deviation(measured)).toBeLessThan(1.15);
  });
});

describe('the pixels of the model', () => {
  const input = { width: 32, height: 32, channels: 'rgb', fit: 'cover' } as const;

  it.each(['cover', 'contain', 'fill'] as const)('are those of the server, by %s', async (fit) => {
    const [width, height] = [250, 190];
    const data = Uint8ClampedArray.from({ length: 4 * width * height }, (_, i) => {
      const [x, y] = [(Math.floor(i / 4) % width) / width, Math.floor(i / 4 / width) / height];
      return i % 4 === 3 ? 255 : 128 + 120 * Math.sin(12 * x + (i % 4)) * Math.cos(9 * y);
    });
    const png = await sharp(data, { raw: { width, height, channels: 4 } })
      .png()
      .toBuffer();
    const spec = { ...input, fit, mean: [0, 0, 0], std: [1, 1, 1] };
    const theirs = await createImageDecoder({ maxPixels: 1e6 }).decode(png, spec as never);
    const ours = resample({ data, width, height }, gridOf({ width, height }, spec as never), spec);
    const away: number[] = [];
    for (let i = 0; i < 32 * 32; i++) {
      for (let c = 0; c < 3; c++) away.push(Math.abs(ours[3 * i + c]! - theirs[c * 32 * 32 + i]!));
    }
    expect(mean(away)).toBeLessThan(1);
  });
});

describe('links', () => {
  it('restore what they were made of', () => {
    const view = {
      example: 'cat, frame 9',
      model: 'a/b & c',
      recipe: 'dent+',
      effects: { ...NONE, noise: 0.21, pixelation: 2.5 },
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

describe('a recipe', () => {
  it('is told in words, each preset in its own', () => {
    const words = Object.entries(PRESETS).map(([name, recipe]) => [name, recipeInWords(recipe)] as const);
    const of = Object.fromEntries(words);
    expect(of).toMatchObject({
      static: 'Nothing is tuned: the model answers as it is.',
      brief: 'At most 6 steps; each picture is tuned alone, until its answer is sure.',
      isolated: '6 steps; each picture is tuned alone.',
      dent: '10 steps; one tuning for the whole batch.',
    });
    expect(of.blend).toMatch(/^No steps\. .* mixes the averages of the batch/);
    expect(of.tent).toMatch(/^1 step; .* takes the averages of the batch instead\.$/);
    expect(of['dent-smooth']).toContain('blurred');
    expect(new Set(words.map(([, each]) => each)).size).toBe(words.length);
  });

  it('says why another was applied', () => {
    const why = (recipe: keyof typeof PRESETS, applied: string) =>
      insteadInWords(PRESETS[recipe], { recipe, applied });
    expect(why('dent+', 'dent+')).toBe('');
    expect(why('dent+', 'isolated')).toBe(
      '"dent+" needs more pictures at once than came, so "isolated" answered.',
    );
    expect(why('auto', 'static')).toBe('"auto" chose "static".');
  });
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

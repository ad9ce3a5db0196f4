import { eachSquare, type Grid, type Pixels } from './grid.ts';

/** What a person does to the picture. All of 0 leave it as it is. */
export interface Effects {
  /** Standard deviation of a Gaussian, in pixels of the model. */
  readonly blur: number;
  /** Side of a square, in pixels of the model. */
  readonly pixelation: number;
  /** What is taken from the brightness, from the contrast, and from the distance to white, as a part. */
  readonly darkness: number;
  readonly contrast: number;
  readonly brightness: number;
  /** Standard deviation of Gaussian noise, as a part of white. */
  readonly noise: number;
  /** The part of the values that become black or white, half of them each. */
  readonly salt: number;
}
export type Effect = keyof Effects;

/** In the order in which a camera would have them: lens, light, sensor. */
export const EFFECTS: readonly {
  readonly name: Effect;
  readonly label: string;
  readonly max: number;
  readonly step: number;
  /** Whether the value is a part of one, or pixels of the model. */
  readonly isPart: boolean;
}[] = [
  { name: 'blur', label: 'Blur', max: 4, step: 0.1, isPart: false },
  { name: 'pixelation', label: 'Coarse pixels', max: 8, step: 0.5, isPart: false },
  { name: 'darkness', label: 'Darkness', max: 0.95, step: 0.01, isPart: true },
  { name: 'contrast', label: 'Lost contrast', max: 0.95, step: 0.01, isPart: true },
  { name: 'brightness', label: 'Glare', max: 0.95, step: 0.01, isPart: true },
  { name: 'noise', label: 'Noise', max: 0.5, step: 0.01, isPart: true },
  { name: 'salt', label: 'Salt and pepper', max: 0.3, step: 0.01, isPart: true },
];

export const NONE: Effects = {
  blur: 0,
  pixelation: 0,
  darkness: 0,
  contrast: 0,
  brightness: 0,
  noise: 0,
  salt: 0,
};

/** The eight shifts that `dent evaluate` measures, under their names there, as the sliders have them. */
export const SHIFTS: readonly {
  readonly name: string;
  readonly label: string;
  readonly effects: Effects;
}[] = [
  { name: 'noise', label: 'Noise', effects: { ...NONE, noise: 0.06 } },
  { name: 'noise-more', label: 'More noise', effects: { ...NONE, noise: 0.1 } },
  { name: 'dark', label: 'Dark', effects: { ...NONE, darkness: 0.6 } },
  { name: 'contrast', label: 'Flat', effects: { ...NONE, contrast: 0.7 } },
  { name: 'bright', label: 'Bright', effects: { ...NONE, brightness: 0.4 } },
  { name: 'blur', label: 'Blurred', effects: { ...NONE, blur: 1 } },
  { name: 'pixelated', label: 'Coarse', effects: { ...NONE, pixelation: 2 } },
  { name: 'salt', label: 'Salt and pepper', effects: { ...NONE, salt: 0.04 } },
];

export const isUntouched = (effects: Effects): boolean => EFFECTS.every(({ name }) => effects[name] === 0);
export const areSame = (one: Effects, other: Effects): boolean =>
  EFFECTS.every(({ name }) => one[name] === other[name]);

/** Where effects are drawn. */
export interface Ground {
  readonly grid: Grid;
  /** The same seed makes the same noise. */
  readonly seed: number;
  /** Whether the model sees no colours: then noise has none. */
  readonly isGrey: boolean;
}

function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return mixed ^ (mixed >>> 15);
}

/**
 * A number from 0 to 1 that looks random, the same for the same place: a link shows the same noise again, and
 * a picture has the noise of its model's pixels in any size.
 */
const randomAt = (...place: readonly number[]): number =>
  (place.reduce((state, each) => mix(state + each + 0x9e3779b9), 0) >>> 0) / 2 ** 32;

const GAUSSIAN = 1;
const SALT = 2;

function gaussianAt(...place: readonly number[]): number {
  const [far, turn] = [randomAt(...place, 1), randomAt(...place, 2)];
  return Math.sqrt(-2 * Math.log(1 - far)) * Math.cos(2 * Math.PI * turn);
}

/** Calls `change` for each value of each of the model's pixels. */
function eachValue(
  pixels: Pixels,
  { grid, isGrey }: Ground,
  change: (places: readonly number[], place: readonly number[]) => void,
): void {
  eachSquare(pixels, grid, 1, ({ column, row, places }) => {
    for (let c = 0; c < 3; c++) {
      const own = places.map((each) => each + c);
      change(own, [column, row, isGrey ? 0 : c]);
    }
  });
}

function addNoise(pixels: Pixels, deviation: number, ground: Ground): void {
  const { data } = pixels;
  eachValue(pixels, ground, (values, place) => {
    const added = gaussianAt(ground.seed, GAUSSIAN, ...place) * deviation * 255;
    for (const each of values) data[each]! += added;
  });
}

function addSalt(pixels: Pixels, part: number, ground: Ground): void {
  const { data } = pixels;
  eachValue(pixels, ground, (values, place) => {
    const chance = randomAt(ground.seed, SALT, ...place);
    if (chance < part) for (const each of values) data[each] = chance < part / 2 ? 0 : 255;
  });
}

function pixelate(pixels: Pixels, side: number, { grid }: Ground): void {
  const { data } = pixels;
  eachSquare(pixels, grid, side, ({ places }) => {
    for (let c = 0; c < 3; c++) {
      const mean = places.reduce((sum, place) => sum + data[place + c]!, 0) / places.length;
      for (const place of places) data[place + c] = mean;
    }
  });
}

/** Means over windows of 2 * radius + 1 along one axis; beyond the edge the edge goes on. */
function meanAlong(pixels: Pixels, radius: number, isVertical: boolean): void {
  const { data, width, height } = pixels;
  const [lines, length] = isVertical ? [width, height] : [height, width];
  const [step, lineStep] = isVertical ? [4 * width, 4] : [4, 4 * width];
  const line = new Float32Array(length);
  const at = (i: number): number => line[Math.min(length - 1, Math.max(0, i))]!;
  for (let k = 0; k < lines; k++) {
    for (let c = 0; c < 3; c++) {
      const start = k * lineStep + c;
      for (let i = 0; i < length; i++) line[i] = data[start + i * step]!;
      let sum = 0;
      for (let i = -radius; i <= radius; i++) sum += at(i);
      for (let i = 0; i < length; i++) {
        data[start + i * step] = sum / (2 * radius + 1);
        sum += at(i + radius + 1) - at(i - radius);
      }
    }
  }
}

const PASSES = 3;
/** The variance of a mean over 2 * radius + 1. */
const varianceOf = (radius: number): number => (radius * (radius + 1)) / 3;

/** Radii of means whose variances add up to about that of a Gaussian. */
function radiiOf(sigma: number): number[] {
  const small = Math.floor((Math.sqrt(1 + (12 * sigma ** 2) / PASSES) - 1) / 2);
  const missing = sigma ** 2 - PASSES * varianceOf(small);
  const large = Math.round(missing / (varianceOf(small + 1) - varianceOf(small)));
  return Array.from({ length: PASSES }, (_, pass) => (pass < large ? small + 1 : small));
}

/** Means of means are close to a Gaussian, and cost the same for every radius. */
function blur(pixels: Pixels, sigma: number, { grid: { across, down } }: Ground): void {
  for (const radius of radiiOf(sigma * across)) if (radius > 0) meanAlong(pixels, radius, false);
  for (const radius of radiiOf(sigma * down)) if (radius > 0) meanAlong(pixels, radius, true);
}

const GREY = 127.5;
const WHITE = 255;

function light({ data }: Pixels, { darkness, contrast, brightness }: Effects): void {
  for (let i = 0; i < data.length; i++) {
    if (i % 4 === 3) continue;
    const dark = (1 - darkness) * data[i]!;
    const flat = dark + contrast * (GREY - dark);
    data[i] = flat + brightness * (WHITE - flat);
  }
}

/** Changes the picture in place. */
export function apply(effects: Effects, pixels: Pixels, ground: Ground): void {
  const { darkness, contrast, brightness } = effects;
  if (effects.blur > 0) blur(pixels, effects.blur, ground);
  if (effects.pixelation > 0) pixelate(pixels, effects.pixelation, ground);
  if (darkness + contrast + brightness > 0) light(pixels, effects);
  if (effects.noise > 0) addNoise(pixels, effects.noise, ground);
  if (effects.salt > 0) addSalt(pixels, effects.salt, ground);
}

/** A picture as a canvas has it: red, green, blue and alpha of each pixel. */
export interface Pixels {
  readonly data: Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}

/** What a person does to the picture. All of 0 leave it as it is. */
export interface Effects {
  /** Standard deviation of Gaussian noise, as a part of white. */
  readonly noise: number;
  /** Radius in pixels of the model. */
  readonly blur: number;
  /** What is taken from the brightness, and from the contrast, as a part. */
  readonly darkness: number;
  readonly haze: number;
  readonly fading: number;
  /** Side of a block in pixels of the model. */
  readonly blocks: number;
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
  { name: 'noise', label: 'Noise', max: 0.5, step: 0.01, isPart: true },
  { name: 'blur', label: 'Blur', max: 4, step: 0.1, isPart: false },
  { name: 'darkness', label: 'Darkness', max: 0.95, step: 0.01, isPart: true },
  { name: 'haze', label: 'Haze', max: 0.9, step: 0.01, isPart: true },
  { name: 'fading', label: 'Faded colours', max: 1, step: 0.01, isPart: true },
  { name: 'blocks', label: 'Blocks', max: 8, step: 0.5, isPart: false },
];

export const NONE: Effects = { noise: 0, blur: 0, darkness: 0, haze: 0, fading: 0, blocks: 0 };

export const isUntouched = (effects: Effects): boolean => EFFECTS.every(({ name }) => effects[name] === 0);

/** Numbers from 0 to 1 that look random, the same for the same seed: a link shows the same noise again. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

const gaussian = (random: () => number): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/**
 * Noise in grains of `grain` pixels. Grains smaller than what the model calls a pixel would average out
 * before it sees them.
 */
function addNoise({ data, width, height }: Pixels, deviation: number, grain: number, seed: number): void {
  const random = randomFrom(seed);
  const columns = Math.ceil(width / grain);
  const rows = Math.ceil(height / grain);
  const grains = Float32Array.from({ length: columns * rows * 3 }, () => gaussian(random) * deviation * 255);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = 3 * (Math.floor(y / grain) * columns + Math.floor(x / grain));
      const to = 4 * (y * width + x);
      for (let c = 0; c < 3; c++) data[to + c]! += grains[from + c]!;
    }
  }
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

/** Means of means are close to a Gaussian, and cost the same for every radius. */
function blur(pixels: Pixels, radius: number): void {
  const whole = Math.round(radius);
  for (let pass = 0; pass < 3 && whole > 0; pass++) {
    meanAlong(pixels, whole, false);
    meanAlong(pixels, whole, true);
  }
}

function blocks({ data, width, height }: Pixels, side: number): void {
  const size = Math.max(1, Math.round(side));
  for (let top = 0; top < height; top += size) {
    for (let left = 0; left < width; left += size) {
      const [bottom, right] = [Math.min(height, top + size), Math.min(width, left + size)];
      for (let c = 0; c < 3; c++) {
        let sum = 0;
        for (let y = top; y < bottom; y++)
          for (let x = left; x < right; x++) sum += data[4 * (y * width + x) + c]!;
        const mean = sum / ((bottom - top) * (right - left));
        for (let y = top; y < bottom; y++)
          for (let x = left; x < right; x++) data[4 * (y * width + x) + c] = mean;
      }
    }
  }
}

function light({ data }: Pixels, { darkness, haze, fading }: Effects): void {
  for (let i = 0; i < data.length; i += 4) {
    const grey = 0.299 * data[i]! + 0.587 * data[i + 1]! + 0.114 * data[i + 2]!;
    for (let c = i; c < i + 3; c++) {
      const colour = data[c]! + fading * (grey - data[c]!);
      data[c] = (1 - darkness) * (colour + haze * (220 - colour));
    }
  }
}

/** Changes the picture in place. `cell` is how many of its pixels make one of the model's. */
export function apply(effects: Effects, pixels: Pixels, cell: number, seed: number): void {
  if (effects.blur > 0) blur(pixels, effects.blur * cell);
  if (effects.blocks > 0) blocks(pixels, effects.blocks * cell);
  if (effects.darkness + effects.haze + effects.fading > 0) light(pixels, effects);
  if (effects.noise > 0) addNoise(pixels, effects.noise, Math.max(1, cell), seed);
}

import { recompress } from '../../images/index.ts';
import type { Random } from '../random.ts';
import { convolve, disk, line } from './kernels.ts';
import { eachPlane, type Picture, pointwise, type Shift } from './shift.ts';
import { fog } from './weather.ts';

export const SEVERITIES = [1, 2, 3, 4, 5] as const;

/**
 * A kind of corruption: what its numbers mean, one for each severity, and the shift that one of them makes.
 */
interface Corruption {
  /** With `#` for the number. */
  readonly says: string;
  readonly numbers: readonly [number, number, number, number, number];
  shift(number: number): Shift['apply'];
}

/** Lengths are for images of 32 pixels, and grow with the shorter side. */
const scaled = (length: number, { height, width }: Picture): number =>
  (length * Math.min(height, width)) / 32;

/**
 * A count of mean `mean` (Knuth); above what its product can hold, the normal distribution that it then is.
 */
function poisson(mean: number, random: Random): number {
  if (mean > 100) return Math.max(0, Math.round(mean + Math.sqrt(mean) * random.normal()));
  const end = Math.exp(-mean);
  let count = 0;
  for (let product = random.uniform(); product > end; product *= random.uniform()) count += 1;
  return count;
}

/**
 * Means over a grid of `rows` x `columns` cells; a pixel takes the value of the cell in whose area its middle
 * lies.
 */
function coarse(plane: Float32Array, { height, width }: Picture, share: number): Float32Array {
  const rows = Math.max(1, Math.round(height * share));
  const columns = Math.max(1, Math.round(width * share));
  const cellOf = (y: number, x: number): number =>
    Math.floor(((y + 0.5) * rows) / height) * columns + Math.floor(((x + 0.5) * columns) / width);
  const sums = new Float64Array(rows * columns);
  const counts = new Float64Array(rows * columns);
  for (let i = 0; i < plane.length; i++) {
    const cell = cellOf(Math.floor(i / width), i % width);
    sums[cell]! += plane[i]!;
    counts[cell]! += 1;
  }
  return plane.map((_, i) => {
    const cell = cellOf(Math.floor(i / width), i % width);
    return sums[cell]! / counts[cell]!;
  });
}

const each = (change: (value: number, random: Random) => number): Shift['apply'] =>
  pointwise('', change).apply;

function faded({ data, channels }: Picture, share: number): Float32Array {
  const size = data.length / channels;
  const grey = Float32Array.from({ length: size }, (_, i) => {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += data[c * size + i]!;
    return sum / channels;
  });
  return data.map((value, i) => grey[i % size]! + share * (value - grey[i % size]!));
}

function flattened({ data }: Picture, share: number): Float32Array {
  const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
  return data.map((value) => mean + share * (value - mean));
}

/** What cameras, weather and networks do to photographs, each in five severities. */
export const CORRUPTIONS: Readonly<Record<string, Corruption>> = {
  'gaussian-noise': {
    says: 'Gaussian noise with a standard deviation of #',
    numbers: [0.04, 0.06, 0.08, 0.1, 0.14],
    shift: (deviation) => each((x, random) => x + deviation * random.normal()),
  },
  'shot-noise': {
    says: 'the noise of counting light: a count of mean # x, divided by #',
    numbers: [500, 250, 100, 60, 30],
    shift: (photons) => each((x, random) => poisson(x * photons, random) / photons),
  },
  'impulse-noise': {
    says: 'a share of # of the values becomes 0 or 1, each as often',
    numbers: [0.01, 0.03, 0.06, 0.1, 0.15],
    shift: (share) => each((x, random) => (random.uniform() < share ? random.below(2) : x)),
  },
  'defocus-blur': {
    says: 'the mean over a disk with a radius of # pixels',
    numbers: [0.8, 1.1, 1.5, 2, 2.5],
    shift: (radius) => (picture) => convolve(picture, disk(scaled(radius, picture))),
  },
  'motion-blur': {
    says: 'the mean along a line of # pixels, in a direction of chance',
    numbers: [1.5, 2.5, 4, 5.5, 7],
    shift: (length) => (picture, random) =>
      convolve(picture, line(scaled(length, picture), Math.PI * random.uniform())),
  },
  fog: {
    says: 'white fog of uneven thickness, mixed in with a share of # on average',
    numbers: [0.2, 0.35, 0.5, 0.6, 0.7],
    shift: (density) => (picture, random) => fog(picture, density, random),
  },
  brightness: {
    says: 'x + #',
    numbers: [0.1, 0.2, 0.3, 0.4, 0.5],
    shift: (more) => each((x) => x + more),
  },
  darkness: {
    says: '# x',
    numbers: [0.7, 0.55, 0.4, 0.3, 0.2],
    shift: (share) => each((x) => share * x),
  },
  'low-contrast': {
    says: "# times the difference to the image's mean",
    numbers: [0.75, 0.5, 0.4, 0.3, 0.15],
    shift: (share) => (picture) => flattened(picture, share),
  },
  faded: {
    says: "# times the difference of a channel to the pixel's mean",
    numbers: [0.7, 0.5, 0.3, 0.15, 0],
    shift: (share) => (picture) => faded(picture, share),
  },
  pixelate: {
    says: 'means over a grid with # of the rows and columns',
    numbers: [0.9, 0.75, 0.6, 0.5, 0.35],
    shift: (share) => (picture) => eachPlane(picture, (plane) => coarse(plane, picture, share)),
  },
  jpeg: {
    says: 'saved as JPEG with quality #, and read again',
    numbers: [80, 60, 40, 25, 12],
    shift: (quality) => (picture) => recompress(picture, quality),
  },
};

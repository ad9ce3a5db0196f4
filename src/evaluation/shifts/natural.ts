import { gaussianBlur } from './kernels.ts';
import { eachPlane, pointwise, type Shift } from './shift.ts';

const noise = (deviation: number): Shift =>
  pointwise(
    `Gaussian noise with a standard deviation of ${deviation}`,
    (x, random) => x + deviation * random.normal(),
  );

/** The mean over squares of 2 x 2 pixels; what is left over at an odd border is a square of its own. */
const pixelated: Shift = {
  says: 'the mean over squares of 2 x 2 pixels',
  apply: (picture) =>
    eachPlane(picture, (plane) => {
      const { height, width } = picture;
      const out = new Float32Array(plane.length);
      for (let y = 0; y < height; y += 2) {
        for (let x = 0; x < width; x += 2) {
          const square = [y, y + 1]
            .filter((row) => row < height)
            .flatMap((row) =>
              [x, x + 1].filter((column) => column < width).map((column) => row * width + column),
            );
          const mean = square.reduce((sum, at) => sum + plane[at]!, 0) / square.length;
          for (const at of square) out[at] = mean;
        }
      }
      return out;
    }),
};

const SALTED = 0.02;

function salted(value: number, chance: number): number {
  if (chance < SALTED) return 0;
  return chance < 2 * SALTED ? 1 : value;
}

/** The eight shifts of the project's documentation. */
export const NATURAL: Readonly<Record<string, Shift>> = {
  noise: noise(0.06),
  'noise-more': noise(0.1),
  dark: pointwise('0.4 x', (x) => 0.4 * x),
  contrast: pointwise('0.5 + 0.3 (x - 0.5)', (x) => 0.5 + 0.3 * (x - 0.5)),
  bright: pointwise('0.6 x + 0.4', (x) => 0.6 * x + 0.4),
  blur: {
    says: 'Gaussian blur with a sigma of 1 pixel, 7 taps along each axis, mirrored at the borders',
    apply: (picture) => gaussianBlur(picture, 1, 3),
  },
  pixelated,
  salt: pointwise('2 % of the values become 0, and 2 % become 1', (x, random) => salted(x, random.uniform())),
};

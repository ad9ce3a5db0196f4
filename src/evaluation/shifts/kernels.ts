import { eachPlane, type Picture } from './shift.ts';

/** What one pixel takes of its neighbours: their weights, which sum to 1, by their distance. */
export interface Tap {
  readonly dy: number;
  readonly dx: number;
  readonly weight: number;
}

/**
 * The place that a position outside of 0 to `size` - 1 stands for: the border is a mirror that repeats no
 * pixel.
 */
function reflect(position: number, size: number): number {
  if (size === 1) return 0;
  const period = 2 * (size - 1);
  const inside = ((position % period) + period) % period;
  return inside < size ? inside : period - inside;
}

/** Each pixel becomes the weighted sum of its neighbours, mirrored at the borders. */
export function convolve(picture: Picture, taps: readonly Tap[]): Float32Array {
  const { height, width } = picture;
  return eachPlane(picture, (plane) => {
    const out = new Float32Array(plane.length);
    for (const { dy, dx, weight } of taps) {
      for (let y = 0; y < height; y++) {
        const row = reflect(y + dy, height) * width;
        for (let x = 0; x < width; x++) out[y * width + x]! += weight * plane[row + reflect(x + dx, width)]!;
      }
    }
    return out;
  });
}

/** Weights made to sum to 1. */
function normalised(taps: readonly Tap[]): Tap[] {
  const total = taps.reduce((sum, { weight }) => sum + weight, 0);
  return taps.map((tap) => ({ ...tap, weight: tap.weight / total }));
}

/** A Gaussian blur, cut off `reach` pixels from the middle, along each axis. */
export function gaussianBlur(picture: Picture, sigma: number, reach: number): Float32Array {
  const line = Array.from({ length: 2 * reach + 1 }, (_, i) => i - reach);
  const weight = (d: number): number => Math.exp((-d * d) / (2 * sigma * sigma));
  const across = normalised(line.map((dx) => ({ dy: 0, dx, weight: weight(dx) })));
  const down = across.map((tap) => ({ dy: tap.dx, dx: 0, weight: tap.weight }));
  return convolve({ ...picture, data: convolve(picture, across) }, down);
}

/** Points of a pixel at which its share of a shape is told. */
const SAMPLES = [-0.4, -0.2, 0, 0.2, 0.4];

/**
 * A disk of a radius in pixels, which is what a lens out of focus makes of a point. Pixels at its border
 * count by their share of it.
 */
export function disk(radius: number): Tap[] {
  const reach = Math.ceil(radius);
  const taps: Tap[] = [];
  for (let dy = -reach; dy <= reach; dy++) {
    for (let dx = -reach; dx <= reach; dx++) {
      const inside = SAMPLES.flatMap((y) => SAMPLES.map((x) => Math.hypot(dy + y, dx + x) <= radius));
      const weight = inside.filter(Boolean).length;
      if (weight > 0) taps.push({ dy, dx, weight });
    }
  }
  return normalised(taps);
}

/** Points of a line for each pixel of its length. */
const POINTS = 8;

/** A straight line of a length in pixels at an angle, which is what a camera that moves makes of a point. */
export function line(length: number, angle: number): Tap[] {
  const weights = new Map<string, Tap>();
  const count = Math.max(2, Math.ceil(length * POINTS));
  for (let i = 0; i < count; i++) {
    const along = (i / (count - 1) - 0.5) * length;
    const [y, x] = [along * Math.sin(angle), along * Math.cos(angle)];
    const [top, left] = [Math.floor(y), Math.floor(x)];
    // A point between pixels is shared by the four around it.
    for (const dy of [top, top + 1]) {
      for (const dx of [left, left + 1]) {
        const share = (1 - Math.abs(y - dy)) * (1 - Math.abs(x - dx));
        const key = `${dy},${dx}`;
        if (share > 0) weights.set(key, { dy, dx, weight: share + (weights.get(key)?.weight ?? 0) });
      }
    }
  }
  return normalised([...weights.values()]);
}

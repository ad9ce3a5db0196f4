import { describe, expect, it } from 'vitest';
import { float32 } from '../tensor.ts';
import { distances, NORMS, store } from './ball.ts';
import { createRandom } from './random.ts';

const SIZE = 300;
const draw = (seed: number, of: (random: ReturnType<typeof createRandom>) => number) => {
  const random = createRandom(seed);
  return Float32Array.from({ length: SIZE }, () => of(random));
};

describe.each(['linf', 'l2'] as const)('%s', (norm) => {
  const eps = norm === 'linf' ? 8 / 255 : 0.5;
  const ball = { norm, eps };
  const origin = draw(1, (random) => random.uniform());

  it('brings any point into the ball and the box, and leaves what is inside', () => {
    const far = Float64Array.from(draw(2, (random) => 3 * random.normal()));
    NORMS[norm].project(far, origin, eps);
    const out = new Float32Array(SIZE);
    store(far, origin, ball, out);
    const [distance] = distances(float32([1, SIZE], origin), float32([1, SIZE], out), ball);
    expect(distance).toBeLessThanOrEqual(1 + 1e-6);
    expect(distance).toBeGreaterThan(0.3);
    expect(out.every((pixel) => pixel >= 0 && pixel <= 1)).toBe(true);
    const again = Float64Array.from(out);
    NORMS[norm].project(again, origin, eps);
    again.forEach((pixel, i) => {
      expect(pixel).toBeCloseTo(out[i]!, 6);
    });
  });

  it('goes along the gradient by a step of length 1', () => {
    const gradient = draw(5, (random) => random.normal());
    const step = new Float64Array(SIZE);
    NORMS[norm].ascent(gradient, step);
    expect(NORMS[norm].length(step)).toBeCloseTo(1, 6);
    // No step of length 1 gains more than the dual norm of the gradient.
    const gained = step.reduce((sum, change, i) => sum + change * gradient[i]!, 0);
    expect(gained).toBeCloseTo(NORMS[norm].dual(gradient), 3);
  });

  it('starts on the sphere, from the same seed at the same place', () => {
    const [one, other, third] = [7, 7, 8].map((seed) => {
      const out = new Float64Array(SIZE);
      NORMS[norm].start(createRandom(seed), out);
      return out;
    });
    expect(NORMS[norm].length(one!)).toBeCloseTo(1, 6);
    expect(other).toEqual(one);
    expect(third).not.toEqual(one);
  });
});

it('never stores a pixel over the edge of the max norm, however it is rounded', () => {
  const origin = draw(1, (random) => random.uniform());
  const ball = { norm: 'linf', eps: 8 / 255 } as const;
  const out = new Float32Array(SIZE);
  for (const sign of [-1, 1]) {
    store(
      Float64Array.from(origin, (pixel) => pixel + sign * ball.eps),
      origin,
      ball,
      out,
    );
    out.forEach((pixel, i) => {
      expect(Math.abs(pixel - origin[i]!)).toBeLessThanOrEqual(ball.eps);
      expect(Math.abs(pixel - origin[i]!)).toBeGreaterThan(ball.eps - 1e-6);
    });
  }
});

describe('random numbers', () => {
  it('are those of the seed, and spread as they should', () => {
    const random = createRandom(0, 'a stream');
    const numbers = Array.from({ length: 20_000 }, () => random.normal());
    const mean = numbers.reduce((a, b) => a + b) / numbers.length;
    const variance = numbers.reduce((sum, x) => sum + (x - mean) ** 2, 0) / numbers.length;
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(Math.abs(variance - 1)).toBeLessThan(0.04);
    const dice = new Array<number>(6).fill(0);
    for (let i = 0; i < 6000; i++) dice[random.below(6)]! += 1;
    expect(Math.min(...dice)).toBeGreaterThan(880);
    expect(createRandom(0, 'b').uniform()).not.toBe(createRandom(0, 'a').uniform());
    // Fixed for ever: reports of a seed can be made again.
    expect(createRandom(0).below(1_000_000)).toMatchInlineSnapshot(`715154`);
  });
});

/** Random numbers that are the same for the same seed, on every machine. */
export interface Random {
  /** From 0 to 1, without 1. */
  uniform(): number;
  /** Normal, of mean 0 and deviation 1. */
  normal(): number;
  /** A whole number from 0 to `count` - 1. */
  below(count: number): number;
  /** -1 or 1. */
  sign(): number;
  /** Another generator that goes on as this one would. */
  fork(): Random;
}

/** FNV-1a over UTF-16 units: labels only have to tell streams apart. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}

/** Splitmix32: spreads a seed over the state of the generator, of which not all may be zero. */
function splitmix(seed: number): () => number {
  let a = seed | 0;
  return () => {
    a = (a + 0x9e3779b9) | 0;
    let t = a ^ (a >>> 16);
    t = Math.imul(t, 0x21f0aaad);
    t ^= t >>> 15;
    t = Math.imul(t, 0x735a2d97);
    return (t ^ (t >>> 15)) >>> 0;
  };
}

const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by));

/**
 * xoshiro128** (Blackman and Vigna 2018). `stream` tells apart what is drawn for different ends with one
 * seed.
 */
export function createRandom(seed: number, stream = ''): Random {
  const next = splitmix(hash(`${seed}/${stream}`));
  return generator([next(), next(), next(), next()]);
}

function generator(state: readonly [number, number, number, number], kept?: number): Random {
  let [a, b, c, d] = state;
  function word(): number {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotate(d, 11);
    return result;
  }
  const uniform = (): number => word() / 2 ** 32;
  let spare = kept;
  return {
    uniform,
    /** Box and Muller 1958: two at a time. */
    normal() {
      if (spare !== undefined) {
        const value = spare;
        spare = undefined;
        return value;
      }
      const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
      const angle = 2 * Math.PI * uniform();
      spare = radius * Math.sin(angle);
      return radius * Math.cos(angle);
    },
    below: (count) => Math.floor(uniform() * count),
    sign: () => (uniform() < 0.5 ? -1 : 1),
    fork: () => generator([a, b, c, d], spare),
  };
}

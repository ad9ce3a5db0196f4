import type { ClassProbability } from './inference.ts';

/** Probabilities of `logits` in float64, so that the small ones do not vanish. */
export function softmax(logits: Float32Array): Float64Array {
  const max = logits[topClass(logits)]!;
  const powers = new Float64Array(logits.length);
  let sum = 0;
  for (let i = 0; i < logits.length; i++) {
    powers[i] = Math.exp(logits[i]! - max);
    sum += powers[i]!;
  }
  for (let i = 0; i < powers.length; i++) powers[i]! /= sum;
  return powers;
}

/** Entropy of a distribution in nats. */
export function entropyNats(probabilities: Float64Array): number {
  let sum = 0;
  for (const p of probabilities) if (p > 0) sum -= p * Math.log(p);
  return sum;
}

/** The most probable class; the lowest number among equals. */
export function topClass(logits: Float32Array): number {
  let top = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i]! > logits[top]!) top = i;
  return top;
}

/** The `count` most probable classes, most probable first; lower numbers first among equals. */
export function topClasses(
  logits: Float32Array,
  labels: readonly string[],
  count: number,
): readonly ClassProbability[] {
  const probabilities = softmax(logits);
  return Array.from(logits.keys())
    .sort((a, b) => logits[b]! - logits[a]! || a - b)
    .slice(0, count)
    .map((index) => ({ class: index, label: labels[index]!, probability: probabilities[index]! }));
}

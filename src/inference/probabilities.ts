import type { ClassProbability } from './inference.ts';

/** Probabilities of `logits` in float64, so that the small ones do not vanish. */
export function softmax(logits: Float32Array): Float64Array {
  const max = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const powers = Float64Array.from(logits, (logit) => Math.exp(logit - max));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

/** Entropy of a distribution in nats. */
export const entropyNats = (probabilities: Float64Array): number =>
  probabilities.reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0);

/** The most probable class, the lowest among equals. */
export function topClass(logits: Float32Array): number {
  let top = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i]! > logits[top]!) top = i;
  return top;
}

/** The `count` most probable classes, most probable first, the lower class first among equals. */
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

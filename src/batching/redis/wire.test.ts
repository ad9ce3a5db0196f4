import { expect, it } from 'vitest';
import { decodeOutcome, encodeOutcome } from './wire.ts';

const delivery = {
  answer: {
    logits: Float32Array.of(1, 2, 3),
    staticLogits: Float32Array.of(3, 2, 1),
    entropy: Float32Array.of(0.5, 0.25),
    applied: 'isolated',
    steps: 1,
  },
  batch: { id: 'b', size: 2 },
  queueMs: 1,
  runMs: 2,
};
const top = Float32Array.of(0, 0.625, 2, 0.875);

it('an answer travels with its top classes, and without them as earlier releases send it', () => {
  const { answer } = delivery;
  for (const sent of [answer, { ...answer, top }]) {
    const outcome = { id: 'row', result: { ...delivery, answer: sent } };
    expect(decodeOutcome(encodeOutcome(outcome))).toEqual(outcome);
  }
});

it('top classes leave the numbers where earlier releases read them', () => {
  const bodyOf = (more: { top?: Float32Array }) => {
    const answer = { ...delivery.answer, ...more };
    const bytes = encodeOutcome({ id: 'row', result: { ...delivery, answer } });
    return bytes.subarray(5 + bytes.readUInt32LE(1)).toString('hex');
  };
  expect(bodyOf({ top })).toBe(bodyOf({}));
});

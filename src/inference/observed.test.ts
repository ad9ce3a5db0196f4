import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it, vi } from 'vitest';
import { openUseCase, photo } from '../../test/fixtures/inference/use-case.ts';
import type { PredictRequest } from './inference.ts';

const use = await openUseCase();
const { engine, seen, gather, predict } = use;

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
  use.holdBatches(
    new Promise((resolve) => {
      release = resolve;
    }),
  );
  const answers = Promise.all([...asked.map(use.inference.predict), use.inference.accept(ask({}))]);
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

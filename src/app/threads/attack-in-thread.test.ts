import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { MODEL, ROOT } from '../../../test/fixtures/serving/photos.ts';
import { createEngine, type Engine } from '../../engine/index.ts';
import { parseManifest, readModelFile } from '../../models/index.ts';
import { attackInThread } from './attack-in-thread.ts';

let engine: Engine;
let work: Parameters<typeof attackInThread>[1];
beforeAll(async () => {
  engine = createEngine({ device: 'cpu', threads: 1, runTimeoutMs: 30_000 });
  const manifest = parseManifest(await readFile(new URL('model.json', MODEL), 'utf8'), 'model.json');
  const { sha256 } = await readModelFile(fileURLToPath(new URL('1/model.onnx', MODEL)));
  const picture = Uint8Array.from({ length: 3 * 32 * 32 }, (_, i) => (i * 37) % 256);
  work = {
    root: fileURLToPath(new URL('models', ROOT)),
    version: { name: 'cifar10-resnet14', version: 1, sha256, manifest },
    picture,
    eps: 8,
    iterations: 3,
  };
});
afterAll(() => engine.close());

/** The engine, and how many graphs are open in it. */
function counting(opened: (open: number) => void = () => {}) {
  let open = 0;
  const counted: Engine = {
    ...engine,
    async open(source, options) {
      const graph = await engine.open(source, options);
      open += 1;
      opened(open);
      const release = async () => {
        await graph.release();
        open -= 1;
      };
      return { ...graph, release };
    },
  };
  return { engine: counted, open: () => open };
}

const never = new AbortController().signal;

it('gives the same picture each time, and leaves no graph open', async () => {
  const counted = counting();
  const pixels = await attackInThread(counted.engine, work, never);
  expect(pixels).toEqual(await attackInThread(counted.engine, work, never));
  const moved = pixels.map((pixel, i) => Math.abs(255 * pixel - work.picture[i]!));
  expect(Math.max(...moved)).toBeCloseTo(8, 3);
  expect(counted.open()).toBe(0);
});

it('is over when it is given up, and what it has opened is released', async () => {
  const giveUp = new AbortController();
  const counted = counting(() => giveUp.abort(new Error('enough')));
  await expect(attackInThread(counted.engine, { ...work, iterations: 40 }, giveUp.signal)).rejects.toThrow(
    'enough',
  );
  await vi.waitFor(() => expect(counted.open()).toBe(0));
});

it('refuses a file that is not what is served, in a way that callers may try again', async () => {
  const version = { ...work.version, sha256: 'another' };
  await expect(attackInThread(engine, { ...work, version }, never)).rejects.toMatchObject({
    code: 'not_ready',
    retryAfterSeconds: 2,
  });
});

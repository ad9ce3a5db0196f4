import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { compile, PRESETS } from '../../dent/index.ts';
import { createEngine, type Engine } from '../../engine/index.ts';
import { DeviceError, InputError } from '../../errors.ts';
import { compileInThread } from './compile-in-thread.ts';

let engine: Engine;
let model: Uint8Array;
beforeAll(async () => {
  engine = createEngine({ device: 'cpu', threads: 1, runTimeoutMs: 30_000 });
  model = await readFile(new URL('../../../models/cifar10-resnet14/1/model.onnx', import.meta.url));
});
afterAll(() => engine.close());

it('compiles to what the compiler writes', async () => {
  const options = { imageShape: [3, 32, 32], target: 'cpu' } as const;
  const [here, there] = [
    await compile(model, PRESETS.isolated, engine, options),
    await compileInThread(model, PRESETS.isolated, engine, options),
  ];
  const { bytes, ...description } = there;
  expect(description).toEqual(expect.objectContaining({ classes: 10, imageShape: [3, 32, 32] }));
  expect(Buffer.compare(bytes, here.bytes)).toBe(0);
});

it('leaves this thread to others', async () => {
  let longestMs = 0;
  let isOver = false;
  const compiled = compileInThread(model, PRESETS['dent-smooth'], engine).finally(() => {
    isOver = true;
  });
  const startedMs = performance.now();
  while (!isOver) {
    const before = performance.now();
    await pause(1);
    longestMs = Math.max(longestMs, performance.now() - before);
  }
  await compiled;
  expect(longestMs).toBeLessThan((performance.now() - startedMs) / 2);
});

it('fails as the compiler does, and where a question fails', async () => {
  const bad = new TextEncoder().encode('no model');
  await expect(compileInThread(bad, PRESETS.static, engine)).rejects.toThrow(InputError);
  await expect(compileInThread(bad, PRESETS.static, engine)).rejects.toThrow('its bytes do not parse');
  const deaf = { probe: () => Promise.reject(new Error('The engine is closed.')) };
  const failure = compileInThread(model, PRESETS.isolated, deaf);
  await expect(failure).rejects.toThrow('The engine is closed.');
  await expect(failure).rejects.not.toThrow(InputError);
});

it('says that the device is at fault, and not the model, where CUDA is missing', async () => {
  const gpu = createEngine({ device: 'cuda', threads: 1, runTimeoutMs: 30_000 });
  try {
    const error = await compileInThread(model, PRESETS.brief, gpu).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(DeviceError);
    expect(`${error}`).toMatch(/the device "cpu" needs nothing\.$/);
  } finally {
    await gpu.close();
  }
});

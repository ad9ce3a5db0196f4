import { expect, it } from 'vitest';
import { DeviceError, InputError } from '../errors.ts';
import type { OpenGraph } from './engine.ts';
import { asProbe } from './probe.ts';
import { RunError } from './run-error.ts';

const failing = (message: string) =>
  asProbe({
    run: () => Promise.reject(new RunError(message)),
    release: async () => {},
  } as unknown as OpenGraph);

it('tells the failures of a GPU from those of a model', async () => {
  await expect(failing('CUDA failure 2: out of memory ; GPU=0').run({})).rejects.toThrow(
    new DeviceError('The device "cuda" failed: CUDA failure 2: out of memory ; GPU=0'),
  );
  const other = await failing('running Add node. Name: "cuda"')
    .run({})
    .catch((error: unknown) => error);
  expect(other).toEqual(new InputError('The model cannot be run: running Add node. Name: "cuda"'));
  expect(other).not.toBeInstanceOf(DeviceError);
});

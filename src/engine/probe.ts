import { DeviceError, InputError } from '../errors.ts';
import type { OpenGraph, Probe } from './engine.ts';
import { RunError } from './run-error.ts';

/** The name of a probed model in sentences. */
export const PROBED = 'The model';

/** Options that open a model as it was written. */
export const PROBING = { sessions: 'any', optimise: false } as const;

/** A graph opened with `PROBING`, as a probe. */
export const asProbe = ({ run, release }: OpenGraph): Probe => ({
  async run(feeds) {
    try {
      return (await run(feeds)).outputs;
    } catch (error) {
      if (!(error instanceof RunError)) throw error;
      const { message } = error;
      // What the libraries of a GPU say of themselves, such as that its memory is full.
      if (/\b(CUDA|CUDNN|CUBLAS) failure/.test(message))
        throw new DeviceError(`The device "cuda" failed: ${message}`);
      throw new InputError(`${PROBED} cannot be run: ${message}`);
    }
  },
  release,
});

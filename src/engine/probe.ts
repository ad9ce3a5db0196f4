import { InputError } from '../errors.ts';
import type { OpenGraph, Probe } from './engine.ts';
import { RunError } from './run-error.ts';

/** What sentences call a model that is probed. */
export const PROBED = 'The model';

/** What opens a model as it was written. */
export const PROBING = { sessions: 'any', optimise: false } as const;

/** A graph that was opened by `PROBING`, as a probe. */
export const asProbe = ({ run, release }: OpenGraph): Probe => ({
  async run(feeds) {
    try {
      return (await run(feeds)).outputs;
    } catch (error) {
      throw error instanceof RunError ? new InputError(`${PROBED} cannot be run: ${error.message}`) : error;
    }
  },
  release,
});

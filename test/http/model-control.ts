import { ServiceError } from '../../src/errors.ts';
import type { ModelControl } from '../../src/models/index.ts';

export interface TestModelControl extends ModelControl {
  /** The requests so far, such as "load colours". */
  readonly asked: string[];
  /** The error of the next request. */
  failWith: Error | undefined;
}

/** Knows the model `colours`, and does nothing with it. */
export function createModelControl(): TestModelControl {
  async function ask(what: string, name: string): Promise<void> {
    control.asked.push(`${what} ${name}`);
    const failure = control.failWith;
    control.failWith = undefined;
    if (failure !== undefined) throw failure;
    if (name !== 'colours') throw new ServiceError('unknown_model', `The repository has no model "${name}".`);
  }
  const control: TestModelControl = {
    asked: [],
    failWith: undefined,
    loadModel: (name) => ask('load', name),
    unloadModel: (name) => ask('unload', name),
  };
  return control;
}

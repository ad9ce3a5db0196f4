import { reasonOf } from './apply-model.ts';
import type { DescribedVersion } from './model.ts';
import { createModelState, type ModelState, versionState } from './model-state.ts';
import { listRepository, type ModelFolder } from './repository-scan.ts';

/**
 * The models that can be read, and why the others cannot. Rejects with `InputError` where the repository
 * cannot be read, or none of its models.
 */
export async function readModels<V extends DescribedVersion>(root: string) {
  const states = new Map<string, ModelState<V>>();
  const faults: unknown[] = [];
  const { folders, passedOver } = await listRepository(root);
  for (const folder of folders) {
    const state = createModelState<V>(folder.name);
    states.set(folder.name, state);
    const fault = await readFolder(state, folder);
    if (fault !== undefined) faults.push(fault);
  }
  if (faults.length === states.size) throw faults[0];
  return { states, passedOver };
}

/** Reads a folder into the state. Resolves with the failure, if there was one. */
export async function readFolder<V extends DescribedVersion>(
  state: ModelState<V>,
  folder: ModelFolder,
): Promise<unknown> {
  state.readStamp = folder.stamp;
  try {
    state.found = await folder.read();
    state.fault = undefined;
    for (const { version } of state.found.versions) versionState(state, version);
    return undefined;
  } catch (error) {
    state.fault = reasonOf(error);
    return error;
  }
}

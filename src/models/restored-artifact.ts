import type { LoadedArtifact } from '../engine/adaptation/adaptation.ts';
import { DeviceError, InputError } from '../errors.ts';

/** After a try that failed, calls fail for this long without another: each may keep the compiler busy. */
const PAUSE_MS = 30_000;

/**
 * An artifact whose file may vanish or break while it is served. Open sessions do not notice, but a process
 * that takes the place of a crashed one opens the file again. Where that fails, `restore` makes the file
 * anew, once for all calls that wait, and they run again.
 */
export function restoring(
  loaded: LoadedArtifact,
  restore: (reason: InputError) => Promise<unknown>,
): LoadedArtifact {
  let restoration: Promise<unknown> | undefined;
  let failedMs: number | undefined;

  async function tryToRestore(reason: InputError): Promise<void> {
    restoration ??= restore(reason).finally(() => {
      restoration = undefined;
    });
    try {
      await restoration;
    } catch (error) {
      failedMs = performance.now();
      throw error;
    }
  }

  const isMendable = (error: unknown): error is InputError =>
    error instanceof InputError &&
    !(error instanceof DeviceError) &&
    (failedMs === undefined || performance.now() - failedMs > PAUSE_MS);

  return {
    ...loaded,
    async run(...call) {
      try {
        return await loaded.run(...call);
      } catch (error) {
        if (!isMendable(error)) throw error;
        await tryToRestore(error);
        return loaded.run(...call);
      }
    },
  };
}

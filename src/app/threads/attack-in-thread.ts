import type { Engine } from '../../engine/index.ts';
import type { DescribedVersion } from '../../models/model.ts';
import { runInThread } from './run-in-thread.ts';

const THREAD = new URL('../../../dist/app/threads/attack-thread.js', import.meta.url);

/** The input of an attacker's thread. */
export interface AttackWork {
  /** The repository that the version was loaded from. */
  readonly root: string;
  readonly version: Pick<DescribedVersion, 'name' | 'version' | 'sha256' | 'manifest'>;
  readonly device: Engine['device'];
  /** Planar bytes in the model's size. */
  readonly picture: Uint8Array;
  readonly eps: number;
  readonly iterations: number;
  /** The recipe whose adaptation the attacker sees; where absent it sees the model as it is. */
  readonly recipe?: string | undefined;
}

/**
 * Attacks a picture in a thread of its own: the graphs of an attack are written by the compiler, which needs
 * seconds for a large model. Rejects with `not_ready` where the model's file is not the one that is served.
 */
export const attackInThread = (
  engine: Engine,
  work: Omit<AttackWork, 'device'>,
  signal: AbortSignal,
): Promise<Float32Array> =>
  runInThread<Float32Array>(THREAD, { ...work, device: engine.device } satisfies AttackWork, engine, signal);

import { setTimeout as pause } from 'node:timers/promises';
import type { FastifyBaseLogger } from 'fastify';
import { modelReasons } from './inference/index.ts';
import { type ModelRepository, readyVersions } from './models/index.ts';
import type { DescribedVersion } from './models/model.ts';

/** Connecting to what is there takes less. */
const QUIET_MS = 1000;
const LOOK_MS = 50;

export interface ReadinessDeps {
  readonly url: string;
  /** Loaded, or failed to. */
  readonly models: ModelRepository<DescribedVersion>;
  readonly unreadyReasons: () => readonly string[];
  /** Whether the process is on its way out. */
  readonly isOver: () => boolean;
}

/**
 * Tells the operator once that the process is ready, or why it is not. Resolves when it is ready, when only an operator can
 * make it so, or when it is over.
 */
export async function logReadiness(
  { url, models, unreadyReasons, isOver }: ReadinessDeps,
  log: FastifyBaseLogger,
): Promise<void> {
  const startedMs = performance.now();
  let told = false;
  while (!isOver()) {
    const reasons = unreadyReasons();
    if (reasons.length === 0) {
      const names = readyVersions(models).map(({ name, version }) => `${name}:${version}`);
      log.info({ url, models: names }, `ready at ${url}, serving ${names.join(', ')}`);
      return;
    }
    const isFinal = modelReasons(models).length > 0;
    if (!told && (isFinal || performance.now() - startedMs > QUIET_MS)) {
      told = true;
      log.error({ reasons }, `not ready at ${url}`);
    }
    if (isFinal) return;
    await pause(LOOK_MS);
  }
}

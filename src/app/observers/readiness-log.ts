import { setTimeout as pause } from 'node:timers/promises';
import type { FastifyBaseLogger } from 'fastify';
import { modelReasons } from '../../inference/index.ts';
import { type ModelRepository, readyVersions } from '../../models/index.ts';
import type { DescribedVersion } from '../../models/model.ts';

/** Connecting, or connecting again, to a running service takes less time than this. */
const QUIET_MS = 1000;
const LOOK_MS = 100;

export interface ReadinessDeps {
  readonly url: string;
  /** Loaded, or failed to. */
  readonly models: ModelRepository<DescribedVersion>;
  readonly unreadyReasons: () => readonly string[];
  /** Whether the process is closing. */
  readonly isOver: () => boolean;
}

/**
 * Tells the operator when the process is ready and when it is not, with the reasons: at the start, and at
 * every change that lasts. Resolves when the process closes.
 */
export async function logReadiness(
  { url, models, unreadyReasons, isOver }: ReadinessDeps,
  log: FastifyBaseLogger,
): Promise<void> {
  function tell(reasons: readonly string[], isFirst: boolean): void {
    if (reasons.length > 0) {
      log.error({ reasons }, `not ready at ${url}`);
      return;
    }
    const names = readyVersions(models).map(({ name, version }) => `${name}:${version}`);
    const again = isFirst ? '' : ' again';
    log.info({ url, models: names }, `ready${again} at ${url}, serving ${names.join(', ')}`);
  }

  let seen: string | undefined;
  let seenMs = 0;
  let told: string | undefined;
  let wasReady = false;
  while (!isOver()) {
    const reasons = unreadyReasons();
    const isReady = reasons.length === 0;
    const state = reasons.join(' ');
    if (state !== seen) {
      seen = state;
      seenMs = performance.now();
    }
    const lasts = isReady || modelReasons(models).length > 0 || performance.now() - seenMs > QUIET_MS;
    if (lasts && state !== told) {
      tell(reasons, !wasReady);
      told = state;
      wasReady ||= isReady;
    }
    await pause(LOOK_MS);
  }
}

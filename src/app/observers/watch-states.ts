import type { Metrics } from '../../metrics/index.ts';
import type { Backend } from '../backend.ts';

/** Has each scrape read the states of the backend. */
export function watchStates(
  metrics: Metrics,
  { queue, isWorkerUp, engine, isRedisUp }: Backend,
  isReady: () => boolean,
  apiProcesses?: () => number,
): void {
  metrics.watch({
    queueStatus: () => queue.status(),
    isReady,
    ...(isWorkerUp && { isWorkerUp: () => isReady() && isWorkerUp() }),
    ...(engine && { enginePids: () => engine.pids }),
    ...(isRedisUp && { isRedisUp }),
    ...(apiProcesses && { apiProcesses }),
  });
}

import type { MetricsPage } from '../../http/index.ts';
import { countsOf, type Metrics, type MetricsSnapshot, sumMetrics } from '../../metrics/index.ts';
import type { Ask } from './calls.ts';
import type { ApiCalls } from './protocol.ts';

/** A scrape waits this long for a process that is busy. Then it takes what that one said last. */
const PATIENCE_MS = 2_000;

/** The metrics of all processes together. */
export interface CommonMetrics extends MetricsPage {
  join(ask: Ask<ApiCalls>): void;
  /** Its counts stay: a sum that fell would look like a restart, and a rate would count everything again. */
  leave(ask: Ask<ApiCalls>): void;
}

export function createCommonMetrics(own: Metrics): CommonMetrics {
  /** The last snapshot of each process. */
  const last = new Map<Ask<ApiCalls>, MetricsSnapshot>();
  let former: Promise<MetricsSnapshot> = Promise.resolve([]);

  async function refresh(ask: Ask<ApiCalls>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<undefined>((resolve) => {
      timer = setTimeout(resolve, PATIENCE_MS, undefined);
    });
    const snapshot = await Promise.race([ask('metrics', undefined).catch(() => undefined), patience]);
    clearTimeout(timer);
    if (snapshot && last.has(ask)) last.set(ask, snapshot);
  }

  return {
    contentType: own.contentType,
    join: (ask) => void last.set(ask, []),
    leave(ask) {
      const counts = countsOf(last.get(ask) ?? []);
      last.delete(ask);
      former = former.then(async (before) => (await sumMetrics([before, counts])).snapshot);
    },
    async text() {
      const [mine] = await Promise.all([own.snapshot(), ...Array.from(last.keys(), refresh)]);
      // Both are read in one turn: a process that leaves meanwhile is in one of them.
      const [living, gone] = [[...last.values()], former];
      return (await sumMetrics([mine, ...living, await gone])).text;
    },
  };
}

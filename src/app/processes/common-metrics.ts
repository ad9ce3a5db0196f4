import type { MetricsPage } from '../../http/index.ts';
import { countsOf, type Metrics, type MetricsSnapshot, sumMetrics } from '../../metrics/index.ts';
import { answerSoon } from './answer-soon.ts';
import type { Ask } from './calls.ts';
import type { ApiCalls } from './protocol.ts';

/** The metrics of all processes together. */
export interface CommonMetrics extends MetricsPage {
  join(ask: Ask<ApiCalls>): void;
  /** The latest counts of a process. */
  told(ask: Ask<ApiCalls>, counts: MetricsSnapshot): void;
  /** Its counts stay: a sum that fell would look like a restart, and a rate would count everything again. */
  leave(ask: Ask<ApiCalls>): void;
}

/** What a living process has told. */
interface Living {
  /** At the last scrape. */
  snapshot: MetricsSnapshot;
  /** What stays once it has ended. Later than the snapshot, or as late. */
  counts: MetricsSnapshot;
}

export function createCommonMetrics(own: Metrics): CommonMetrics {
  const living = new Map<Ask<ApiCalls>, Living>();
  let former: Promise<MetricsSnapshot> = Promise.resolve([]);

  async function refresh(ask: Ask<ApiCalls>): Promise<void> {
    const snapshot = await answerSoon(ask('metrics', undefined));
    const one = living.get(ask);
    if (!snapshot || !one) return;
    one.snapshot = snapshot;
    one.counts = countsOf(snapshot);
  }

  return {
    contentType: own.contentType,
    join: (ask) => void living.set(ask, { snapshot: [], counts: [] }),
    told(ask, counts) {
      const one = living.get(ask);
      if (one) one.counts = counts;
    },
    leave(ask) {
      const { counts } = living.get(ask) ?? { counts: [] };
      living.delete(ask);
      former = former.then(async (before) => (await sumMetrics([before, counts])).snapshot);
    },
    async text() {
      const [mine] = await Promise.all([own.snapshot(), ...Array.from(living.keys(), refresh)]);
      // Both are read in one turn: a process that leaves meanwhile is in one of them.
      const [snapshots, gone] = [Array.from(living.values(), ({ snapshot }) => snapshot), former];
      return (await sumMetrics([mine, ...snapshots, await gone])).text;
    },
  };
}

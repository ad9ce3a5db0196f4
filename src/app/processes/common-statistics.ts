import { sumStatistics } from '../../inference/index.ts';
import type { VersionStatistics } from '../../inference/inference.ts';
import type { ModelRepository } from '../../models/index.ts';
import type { DescribedVersion } from '../../models/model.ts';
import { answerSoon } from './answer-soon.ts';
import type { Ask } from './calls.ts';
import type { ApiCalls, VersionCounts } from './protocol.ts';

/** What all API processes have counted of each version, also those that have ended. */
export interface CommonStatistics {
  join(ask: Ask<ApiCalls>): void;
  /** The latest counts of a process. */
  told(ask: Ask<ApiCalls>, counts: readonly VersionCounts[]): void;
  leave(ask: Ask<ApiCalls>): void;
  /** Undefined where nobody has counted anything since the version was loaded. */
  of(content: string): Promise<VersionStatistics | undefined>;
}

/** By the version's object, which is another one once the version is loaded again: its counts begin again. */
type Counts = WeakMap<DescribedVersion, VersionStatistics>;

export function createCommonStatistics(
  models: Pick<ModelRepository<DescribedVersion>, 'contents' | 'describe'>,
): CommonStatistics {
  const living = new Map<Ask<ApiCalls>, Counts>();
  const former: Counts = new WeakMap();

  function told(ask: Ask<ApiCalls>, counts: readonly VersionCounts[]): void {
    for (const { content, statistics } of counts) {
      const version = models.describe(content);
      if (version) living.get(ask)?.set(version, statistics);
    }
  }

  async function refresh(ask: Ask<ApiCalls>, content: string): Promise<void> {
    const statistics = await answerSoon(ask('statistics', content));
    if (statistics) told(ask, [{ content, statistics }]);
  }

  function sumOf(version: DescribedVersion, all: readonly Counts[]): VersionStatistics | undefined {
    const found = all.map((counts) => counts.get(version)).filter((each) => each !== undefined);
    return found.length === 0 ? undefined : sumStatistics(found);
  }

  return {
    join: (ask) => void living.set(ask, new WeakMap()),
    told,
    leave(ask) {
      const last = living.get(ask);
      living.delete(ask);
      if (!last) return;
      for (const content of models.contents()) {
        const version = models.describe(content)!;
        const sum = sumOf(version, [former, last]);
        if (sum) former.set(version, sum);
      }
    },
    async of(content) {
      await Promise.all(Array.from(living.keys(), (ask) => refresh(ask, content)));
      const version = models.describe(content);
      // Both are read in one turn: a process that leaves meanwhile is in one of them.
      return version && sumOf(version, [former, ...living.values()]);
    },
  };
}

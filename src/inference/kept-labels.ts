import type { BatchProducer } from '../batching/batch-queue.ts';
import type { ModelRepository } from '../models/index.ts';
import type { DescribedVersion } from '../models/model.ts';
import type { NamedLabels } from './answer.ts';

/**
 * What answers are written with, for as long as they are kept. A process that starts after a rollout has never seen the version that
 * some of them are of, so whoever has a row run leaves its labels with the queue.
 */
export interface KeptLabels {
  /** Resolves when an answer of this version can be told by every process for as long as it is kept. */
  keep(version: DescribedVersion): Promise<void>;
  of(content: string): Promise<NamedLabels | undefined>;
}

export function createKeptLabels(
  models: Pick<ModelRepository<DescribedVersion>, 'describe'>,
  queue: Pick<BatchProducer, 'leaveNote' | 'note'>,
  keepMs: number,
): KeptLabels {
  /** When the labels of a content were left. */
  const leftMs = new Map<string, number>();

  return {
    async keep({ name, version, content, manifest }) {
      const nowMs = performance.now();
      if (nowMs - (leftMs.get(content) ?? Number.NEGATIVE_INFINITY) < keepMs) return;
      for (const [each, atMs] of leftMs) if (nowMs - atMs >= keepMs) leftMs.delete(each);
      const { labels, batching } = manifest;
      const text = JSON.stringify({ name, version, manifest: { labels } } satisfies NamedLabels);
      // A row that is accepted just before they are left again may be answered at its deadline, and is kept from then on.
      await queue.leaveNote(`labels:${content}`, text, 2 * keepMs + batching.timeoutMs);
      leftMs.set(content, nowMs);
    },

    async of(content) {
      const known = models.describe(content);
      if (known) return known;
      const text = await queue.note(`labels:${content}`);
      return text === undefined ? undefined : (JSON.parse(text) as NamedLabels);
    },
  };
}

import type { BatchProducer } from '../batching/batch-queue.ts';
import type { ModelRepository } from '../models/index.ts';
import type { DescribedVersion } from '../models/model.ts';
import type { NamedLabels } from './answer.ts';

/**
 * The labels that answers are written with, for as long as the answers are kept. A process that starts after
 * a rollout has never seen the version of some of them. So a process that submits a row leaves the version's
 * labels with the queue.
 */
export interface KeptLabels {
  /** Resolves when every process can write answers of this version, for as long as they are kept. */
  keep(version: DescribedVersion): Promise<void>;
  of(content: string): Promise<NamedLabels | undefined>;
}

export function createKeptLabels(
  models: Pick<ModelRepository<DescribedVersion>, 'describe'>,
  queue: Pick<BatchProducer, 'leaveNote' | 'note'>,
  keepMs: number,
): KeptLabels {
  /** When the labels of each content were left with the queue. */
  const leftMs = new Map<string, number>();

  return {
    async keep({ name, version, content, manifest }) {
      const nowMs = performance.now();
      if (nowMs - (leftMs.get(content) ?? Number.NEGATIVE_INFINITY) < keepMs) return;
      for (const [each, atMs] of leftMs) if (nowMs - atMs >= keepMs) leftMs.delete(each);
      const { labels, batching } = manifest;
      const text = JSON.stringify({ name, version, manifest: { labels } } satisfies NamedLabels);
      // A row accepted just before the labels are left again may be answered at its deadline, and its answer
      // is kept from then on.
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

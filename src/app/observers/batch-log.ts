import type { FastifyBaseLogger } from 'fastify';
import type { BatchRun } from '../../inference/index.ts';

const rounded = (value: number): number => Math.round(value * 10_000) / 10_000;

/**
 * Writes one line for each batch, in the process that ran it: a warning where rows failed or their adaptation
 * diverged. A request's line names its batch, and the batch's line names the engine processes, so one leads
 * to the other.
 */
export function logBatches(log: FastifyBaseLogger): (run: BatchRun) => void {
  return ({ seconds, outcome, ...run }) => {
    const ms = Math.round(seconds * 10_000) / 10;
    if (!outcome) {
      log.warn({ ...run, ms }, 'a batch failed');
      return;
    }
    const { staticEntropy, adaptedEntropy, meanSteps, ...rest } = outcome;
    const line = {
      ...run,
      ms,
      ...rest,
      ...(meanSteps !== undefined && { meanSteps: rounded(meanSteps) }),
      ...(staticEntropy !== undefined && { staticEntropy: rounded(staticEntropy) }),
      ...(adaptedEntropy !== undefined && { adaptedEntropy: rounded(adaptedEntropy) }),
    };
    if (outcome.failed > 0) log.warn(line, 'rows of a batch failed');
    else if (outcome.diverged > 0) log.warn(line, 'the adaptation of rows of a batch diverged');
    else log.info(line, 'batch');
  };
}

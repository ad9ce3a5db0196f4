import type { Catalogue } from './catalogue.ts';

/** The values of the label `reason` of `dent_engine_restarts_total`. */
export const ENGINE_LOSSES = ['crash', 'timeout'] as const;

export interface EngineMetrics {
  /** An engine process has ended that nobody closed. Another takes its place. */
  lost(reason: (typeof ENGINE_LOSSES)[number]): void;
}

export const createEngineMetrics = ({ engineRestarts }: Catalogue): EngineMetrics => ({
  lost: (reason) => engineRestarts.inc({ reason }),
});

export { createMetrics, type MetricSources, type Metrics } from './create-metrics.ts';
export type { EngineMetrics } from './engine-metrics.ts';
export type { HttpMetrics } from './http-metrics.ts';
export type { InferenceMetrics } from './inference-metrics.ts';
export type { ModelMetrics } from './model-metrics.ts';
export type { QueueMetrics } from './queue-metrics.ts';
export { countsOf, type MetricsSnapshot, sumMetrics } from './sum-metrics.ts';

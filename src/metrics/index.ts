export { createMetrics, type Metrics } from './create-metrics.ts';
export { countsOf, type MetricsSnapshot, sumMetrics } from './sum-metrics.ts';

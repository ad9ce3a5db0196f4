import { AggregatorRegistry, type MetricObjectWithValues, type MetricValue } from 'prom-client';

/** The metrics of one process at one time, in a form that can be sent to another. */
export type MetricsSnapshot = readonly MetricObjectWithValues<MetricValue<string>>[];

/**
 * Of measures that cannot be added, the worst process is the one to look at. The oldest process stands for
 * the service.
 */
const INSTEAD: Readonly<Record<string, string>> = { average: 'max', omit: 'min' };

const addable = (metrics: MetricsSnapshot) =>
  metrics.map((metric) => ({ ...metric, aggregator: INSTEAD[metric.aggregator!] ?? metric.aggregator }));

/**
 * The metrics of several processes as those of one. Where metrics differ in help or type, the first counts.
 */
export async function sumMetrics(snapshots: readonly MetricsSnapshot[]): Promise<{
  readonly snapshot: MetricsSnapshot;
  readonly text: string;
}> {
  const registry = AggregatorRegistry.aggregate(snapshots.map(addable) as object[]);
  return { snapshot: await registry.getMetricsAsJSON(), text: await registry.metrics() };
}

/** What only ever grows. The other metrics of a process end with it. */
export const countsOf = (snapshot: MetricsSnapshot): MetricsSnapshot =>
  snapshot.filter(({ type }) => `${type}` === 'counter' || `${type}` === 'histogram');

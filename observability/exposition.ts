import { createMetrics } from '../src/metrics/index.ts';

/** A metric as the service exposes it before any event. */
export interface Exposed {
  readonly type: string;
  readonly labels: ReadonlySet<string>;
  /** The values that each label has from the start. */
  readonly values: ReadonlyMap<string, ReadonlySet<string>>;
}

/**
 * The metrics of a service with one model, by name. Histograms are listed once, together with their series.
 */
export async function exposedMetrics(): Promise<Map<string, Exposed>> {
  const metrics = createMetrics('1.2.3');
  metrics.models.loaded({
    name: 'digits',
    version: 1,
    sha256: 'abc',
    manifest: { recipes: { isolated: { steps: 6 } }, batching: { maxBatchSize: 8, queueLimit: 64 } },
  });
  metrics.http.predictionRoute({ route: '/v1/predict', method: 'POST' });
  const everything = { queueStatus: async () => [], isReady: () => true, isWorkerUp: () => true };
  metrics.watch({ ...everything, isRedisUp: () => true, enginePids: () => [], apiProcesses: () => 2 });
  return parseExposition(await metrics.text());
}

/** The metrics of a scrape in Prometheus' text format. */
export function parseExposition(text: string): Map<string, Exposed> {
  const found = new Map<string, { type: string; labels: Set<string>; values: Map<string, Set<string>> }>();
  const entry = (name: string, type: string) => {
    const known = found.get(name) ?? { type, labels: new Set(), values: new Map() };
    found.set(name, known);
    return known;
  };
  const types = new Map(
    Array.from(text.matchAll(/^# TYPE (\S+) (\S+)$/gm), ([, name, type]) => [name!, type!]),
  );
  for (const [name, type] of types) {
    entry(name, type);
    // Some have no series before their first event.
    if (type === 'histogram')
      for (const part of ['bucket', 'sum', 'count']) entry(`${name}_${part}`, 'series');
  }
  for (const [, name, body = ''] of text.matchAll(/^([a-z_:]\w*)(?:\{(.*)\})? \S+$/gim)) {
    const family = name!.replace(/_(bucket|sum|count)$/, '');
    const owner = types.has(name!) ? name! : family;
    for (const [, label, value] of body.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
      for (const each of [entry(name!, 'series'), entry(owner, types.get(owner)!)]) {
        each.labels.add(label!);
        each.values.set(label!, (each.values.get(label!) ?? new Set()).add(value!));
      }
    }
    entry(name!, 'series');
  }
  return found;
}

import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { createCatalogue } from './catalogue.ts';

/** Names and labels that dashboards, alerts and autoscalers use. */
const PROMISED: Readonly<Record<string, readonly string[]>> = {
  dent_http_request_duration_seconds: ['route', 'method', 'code'],
  dent_queue_depth: ['model', 'recipe'],
  dent_queue_oldest_age_seconds: ['model', 'recipe'],
  dent_queue_wait_seconds: ['model', 'recipe'],
  dent_batch_size: ['model', 'recipe'],
  dent_batches_total: ['model', 'recipe', 'reason'],
  dent_adapt_duration_seconds: ['model', 'recipe', 'steps'],
  dent_adapt_step_duration_seconds: ['model', 'recipe'],
  dent_row_steps: ['model', 'recipe'],
  dent_rows_stopped_total: ['model', 'recipe', 'reason'],
  dent_stage_duration_seconds: ['stage'],
  dent_entropy_nats: ['model', 'recipe', 'phase'],
  dent_label_changes_total: ['model', 'recipe'],
  dent_predictions_total: ['model', 'recipe'],
  dent_fallbacks_total: ['model', 'recipe', 'reason'],
  dent_rejected_total: ['reason'],
  dent_inflight_requests: [],
  dent_ready: [],
  dent_worker_up: [],
  dent_build_info: ['version'],
  dent_api_processes: [],
  dent_api_restarts_total: [],
  dent_engine_processes: [],
  dent_engine_resident_memory_bytes: [],
  dent_engine_restarts_total: ['reason'],
  dent_queue_limit: ['model'],
  dent_batch_max_size: ['model'],
  dent_redis_up: [],
  dent_model_info: ['model', 'sha256'],
  dent_model_loads_total: ['outcome'],
};

interface Declared {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  readonly upperBounds?: readonly number[];
}

function declared(): readonly Declared[] {
  const registry = new Registry();
  createCatalogue(registry);
  // The library keeps the labels and buckets of a metric on the object, and leaves them out of its type.
  return registry.getMetricsAsArray() as unknown as readonly Declared[];
}

test('the catalogue holds the promised names with their labels, and no others', () => {
  expect(Object.fromEntries(declared().map(({ name, labelNames }) => [name, labelNames]))).toEqual(PROMISED);
});

test('every help text is a sentence', () => {
  for (const { name, help } of declared()) expect(help, name).toMatch(/^[A-Z0-9].{10,}\.$/);
});

test('buckets cover what is measured', () => {
  const bounds = Object.fromEntries(
    declared().flatMap(({ name, upperBounds }) =>
      upperBounds ? [[name, [upperBounds[0], upperBounds.at(-1)]]] : [],
    ),
  );
  expect(bounds).toEqual({
    dent_http_request_duration_seconds: [0.001, 60],
    dent_queue_wait_seconds: [0.001, 60],
    dent_batch_size: [1, 128],
    dent_adapt_duration_seconds: [0.005, 300],
    dent_adapt_step_duration_seconds: [0.001, 30],
    dent_row_steps: [0, 1000],
    dent_stage_duration_seconds: [0.0002, 300],
    dent_entropy_nats: [0.01, 7],
  });
  for (const { name, upperBounds = [] } of declared()) {
    expect(upperBounds, name).toEqual([...new Set(upperBounds)].toSorted((a, b) => a - b));
  }
});

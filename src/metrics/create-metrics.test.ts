import { describe, expect, test } from 'vitest';
import { LANE, MODEL, scrape } from '../../test/fixtures/metrics/scrape.ts';
import { createMemoryQueue } from '../batching/index.ts';
import { createMetrics, type Metrics } from './create-metrics.ts';

/** The series whose values differ after `act`, with how much. */
async function moved(metrics: Metrics, act: () => void): Promise<Record<string, number>> {
  const before = await scrape(metrics, 'dent_');
  act();
  const after = await scrape(metrics, 'dent_');
  const changes = Object.entries(after).map(([key, value]) => [key, value - (before[key] ?? 0)] as const);
  return Object.fromEntries(changes.filter(([, change]) => change !== 0));
}

const LABELS = { model: 'digits:3', recipe: 'isolated' };
const SERIES = '{model="digits:3",recipe="isolated"}';

describe('what each room tells', () => {
  test('http', async () => {
    const metrics = createMetrics('1.2.3');
    expect(await moved(metrics, () => metrics.http.started())).toEqual({ dent_inflight_requests: 1 });
    const labels = 'route="/v1/predict",method="POST",code="200"';
    const finish = () =>
      metrics.http.finished({ route: '/v1/predict', method: 'POST', code: 200, seconds: 0.25 });
    expect(await moved(metrics, finish)).toEqual({
      dent_inflight_requests: -1,
      [`dent_http_request_duration_seconds_sum{${labels}}`]: 0.25,
      [`dent_http_request_duration_seconds_count{${labels}}`]: 1,
    });
    expect(await metrics.text()).toContain(
      `dent_http_request_duration_seconds_bucket{le="0.25",${labels}} 1`,
    );
  });

  test('queue', async () => {
    const metrics = createMetrics('1.2.3');
    metrics.models.loaded(MODEL);
    const start = () =>
      metrics.queue.batchStarted({ lane: LANE, reason: 'window', waitSeconds: [0.5, 0.25, 0] });
    expect(await moved(metrics, start)).toEqual({
      'dent_batches_total{model="digits:3",recipe="isolated",reason="window"}': 1,
      [`dent_batch_size_sum${SERIES}`]: 3,
      [`dent_batch_size_count${SERIES}`]: 1,
      [`dent_queue_wait_seconds_sum${SERIES}`]: 0.75,
      [`dent_queue_wait_seconds_count${SERIES}`]: 3,
      'dent_stage_duration_seconds_sum{stage="queue"}': 0.75,
      'dent_stage_duration_seconds_count{stage="queue"}': 3,
    });
  });

  test('a batch that is adapted', async () => {
    const metrics = createMetrics('1.2.3');
    const adapt = () => metrics.inference.adapted({ ...LABELS, steps: 6, seconds: 1.5 });
    expect(await moved(metrics, adapt)).toEqual({
      'dent_adapt_duration_seconds_sum{model="digits:3",recipe="isolated",steps="6"}': 1.5,
      'dent_adapt_duration_seconds_count{model="digits:3",recipe="isolated",steps="6"}': 1,
      [`dent_adapt_step_duration_seconds_sum${SERIES}`]: 0.25,
      [`dent_adapt_step_duration_seconds_count${SERIES}`]: 1,
      'dent_stage_duration_seconds_sum{stage="adapt"}': 1.5,
      'dent_stage_duration_seconds_count{stage="adapt"}': 1,
    });
  });

  test('a batch without updates has no duration of a step', async () => {
    const metrics = createMetrics('1.2.3');
    const adapt = () => metrics.inference.adapted({ ...LABELS, steps: 0, seconds: 0.5 });
    const series = Object.keys(await moved(metrics, adapt));
    expect(series.filter((each) => each.startsWith('dent_adapt_'))).toEqual([
      'dent_adapt_duration_seconds_sum{model="digits:3",recipe="isolated",steps="0"}',
      'dent_adapt_duration_seconds_count{model="digits:3",recipe="isolated",steps="0"}',
    ]);
  });

  test('a row that is predicted', async () => {
    const metrics = createMetrics('1.2.3');
    metrics.models.loaded(MODEL);
    const predict = (labelChanged: boolean) => () =>
      metrics.inference.predicted({
        ...LABELS,
        staticEntropy: 1.5,
        adaptedEntropy: 0.5,
        labelChanged,
        steps: 2,
        ...(labelChanged && { stoppedBy: 'floor' }),
      });
    const always = {
      [`dent_predictions_total${SERIES}`]: 1,
      [`dent_row_steps_sum${SERIES}`]: 2,
      [`dent_row_steps_count${SERIES}`]: 1,
      'dent_entropy_nats_sum{model="digits:3",recipe="isolated",phase="static"}': 1.5,
      'dent_entropy_nats_count{model="digits:3",recipe="isolated",phase="static"}': 1,
      'dent_entropy_nats_sum{model="digits:3",recipe="isolated",phase="adapted"}': 0.5,
      'dent_entropy_nats_count{model="digits:3",recipe="isolated",phase="adapted"}': 1,
    };
    expect(await moved(metrics, predict(false))).toEqual(always);
    expect(await moved(metrics, predict(true))).toEqual({
      ...always,
      [`dent_label_changes_total${SERIES}`]: 1,
      'dent_rows_stopped_total{model="digits:3",recipe="isolated",reason="floor"}': 1,
    });
  });

  test('rows answered with another recipe', async () => {
    const metrics = createMetrics('1.2.3');
    const fallBack = () => metrics.inference.fellBack({ ...LABELS, reason: 'small_batch', rows: 5 });
    expect(await moved(metrics, fallBack)).toEqual({
      'dent_fallbacks_total{model="digits:3",recipe="isolated",reason="small_batch"}': 5,
    });
  });

  test.each([
    ['decode', (metrics: Metrics) => metrics.inference.decoded(0.5)],
    ['preprocess', (metrics: Metrics) => metrics.inference.preprocessed(0.5)],
    ['postprocess', (metrics: Metrics) => metrics.inference.postprocessed(0.5)],
  ])('the stage %s', async (stage, act) => {
    const metrics = createMetrics('1.2.3');
    expect(await moved(metrics, () => act(metrics))).toEqual({
      [`dent_stage_duration_seconds_sum{stage="${stage}"}`]: 0.5,
      [`dent_stage_duration_seconds_count{stage="${stage}"}`]: 1,
    });
  });

  test('an engine process that was lost', async () => {
    const metrics = createMetrics('1.2.3');
    expect(await moved(metrics, () => metrics.engine.lost('timeout'))).toEqual({
      'dent_engine_restarts_total{reason="timeout"}': 1,
    });
  });

  test('a route that answers predictions, before it has', async () => {
    const metrics = createMetrics('1.2.3');
    metrics.http.predictionRoute({ route: '/v1/predict', method: 'POST' });
    const counts = await scrape(metrics, 'dent_http_request_duration_seconds_count');
    expect(counts).toMatchObject({
      'dent_http_request_duration_seconds_count{route="/v1/predict",method="POST",code="200"}': 0,
      'dent_http_request_duration_seconds_count{route="/v1/predict",method="POST",code="500"}': 0,
    });
  });

  test('a rejection is counted once, by the queue or by the routes', async () => {
    const metrics = createMetrics('1.2.3');
    const timeout = { 'dent_rejected_total{reason="timeout"}': 1 };
    expect(await moved(metrics, () => metrics.queue.rejected(LANE, 'timeout'))).toEqual(timeout);
    expect(await moved(metrics, () => metrics.http.rejected('timeout'))).toEqual({});
    const tooLarge = { 'dent_rejected_total{reason="too_large"}': 1 };
    expect(await moved(metrics, () => metrics.http.rejected('too_large'))).toEqual(tooLarge);
    expect(await moved(metrics, () => metrics.http.rejected('internal'))).toEqual({});
  });
});

test('a queue that is handed its observer and is watched shows up from acceptance to rejection', async () => {
  const metrics = createMetrics('1.2.3');
  const limits = { maxBatchSize: 8, maxDelayMs: 1, queueLimit: 2 };
  const queue = createMemoryQueue({ limitsOf: () => limits, observer: metrics.queue });
  metrics.watch({ queueStatus: () => queue.status(), isReady: () => true });
  const row = { type: 'uint8', data: new Uint8Array(3) } as const;
  const submit = (caller: string) =>
    queue
      .submit({ id: caller, lane: { ...LANE, caller }, row, deadlineMs: Date.now() + 10_000 })
      .catch(() => {});
  const accepted = [submit('ann'), submit('bob')];
  await submit('cid');
  expect(await scrape(metrics, 'dent_queue_depth')).toEqual({ [`dent_queue_depth${SERIES}`]: 2 });
  queue.consume(async ({ rows }) => rows.map(() => new Error('no engine')), { concurrency: 1 });
  await Promise.all(accepted);
  expect(await scrape(metrics, 'dent_queue_depth')).toEqual({});
  expect(await scrape(metrics, 'dent_')).toMatchObject({
    'dent_rejected_total{reason="queue_full"}': 1,
    [`dent_batch_size_count${SERIES}`]: 2,
    [`dent_queue_wait_seconds_count${SERIES}`]: 2,
  });
  await queue.close();
});

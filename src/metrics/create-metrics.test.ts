import { describe, expect, test } from 'vitest';
import { createMemoryQueue } from '../batching/index.ts';
import { createMetrics, type Metrics } from './create-metrics.ts';

/** The values of a scrape by series, as Prometheus names them. With `name`, only its samples. */
async function scrape(metrics: Metrics, name = ''): Promise<Record<string, number>> {
  const lines = (await metrics.text()).split('\n').filter((line) => line.startsWith(name));
  const samples = lines.filter((line) => line !== '' && !line.startsWith('#') && !line.includes('_bucket{'));
  return Object.fromEntries(
    samples.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

/** The series whose values differ after `act`, with how much. */
async function moved(metrics: Metrics, act: () => void): Promise<Record<string, number>> {
  const before = await scrape(metrics, 'dent_');
  act();
  const after = await scrape(metrics, 'dent_');
  const changes = Object.entries(after).map(([key, value]) => [key, value - (before[key] ?? 0)] as const);
  return Object.fromEntries(changes.filter(([, change]) => change !== 0));
}

const MODEL = {
  name: 'digits',
  version: 3,
  sha256: 'abc',
  manifest: {
    recipes: { isolated: { steps: 6 }, static: { steps: 0 } },
    batching: { maxBatchSize: 8, queueLimit: 64 },
  },
};
const LANE = { model: 'digits', version: 3, content: 'abc', recipe: 'isolated' };
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

describe('what is asked at each scrape', () => {
  test('the queue: summed over callers, with 0 for the recipes that have no rows', async () => {
    const metrics = createMetrics('1.2.3');
    metrics.models.loaded(MODEL);
    const lanes = [
      { lane: { ...LANE, caller: 'ann' }, depth: 2, oldestAgeMs: 500 },
      { lane: { ...LANE, caller: 'bob' }, depth: 3, oldestAgeMs: 1_500 },
      { lane: { ...LANE, version: 2 }, depth: 1, oldestAgeMs: 10 },
    ];
    metrics.watch({ queueStatus: async () => lanes, isReady: () => true });
    expect(await scrape(metrics, 'dent_queue_depth')).toEqual({
      [`dent_queue_depth${SERIES}`]: 5,
      'dent_queue_depth{model="digits:3",recipe="static"}': 0,
      'dent_queue_depth{model="digits:2",recipe="isolated"}': 1,
    });
    expect(await scrape(metrics, 'dent_queue_oldest')).toEqual({
      [`dent_queue_oldest_age_seconds${SERIES}`]: 1.5,
      'dent_queue_oldest_age_seconds{model="digits:3",recipe="static"}': 0,
      'dent_queue_oldest_age_seconds{model="digits:2",recipe="isolated"}': 0.01,
    });
    lanes.length = 0;
    metrics.models.unloaded(MODEL);
    expect(await scrape(metrics, 'dent_queue_depth')).toEqual({});
  });

  test('a queue out of reach takes its gauges with it, and nothing else', async () => {
    const metrics = createMetrics('1.2.3');
    metrics.models.loaded(MODEL);
    let reachable = true;
    const queueStatus = async () => {
      if (!reachable) throw new Error('connection refused');
      return [{ lane: LANE, depth: 2, oldestAgeMs: 500 }];
    };
    metrics.watch({ queueStatus, isReady: () => true });
    expect(await scrape(metrics, 'dent_queue_depth')).toMatchObject({ [`dent_queue_depth${SERIES}`]: 2 });
    reachable = false;
    expect(await scrape(metrics, 'dent_queue_depth')).toEqual({});
    expect(await scrape(metrics, 'dent_ready')).toEqual({ dent_ready: 1 });
  });

  test('readiness', async () => {
    const metrics = createMetrics('1.2.3');
    let ready = false;
    expect(await scrape(metrics, 'dent_ready')).toEqual({ dent_ready: 0 });
    metrics.watch({ queueStatus: async () => [], isReady: () => ready });
    expect(await scrape(metrics, 'dent_ready')).toEqual({ dent_ready: 0 });
    ready = true;
    expect(await scrape(metrics, 'dent_ready')).toEqual({ dent_ready: 1 });
  });

  test("workers and Redis, where they are this process's concern", async () => {
    const metrics = createMetrics('1.2.3');
    let up = true;
    metrics.watch({ isReady: () => true, isWorkerUp: () => up, isRedisUp: () => up });
    const states = async () => ({
      ...(await scrape(metrics, 'dent_worker_up')),
      ...(await scrape(metrics, 'dent_redis_up')),
    });
    expect(await states()).toEqual({ dent_worker_up: 1, dent_redis_up: 1 });
    up = false;
    expect(await states()).toEqual({ dent_worker_up: 0, dent_redis_up: 0 });

    const alone = createMetrics('1.2.3');
    expect(await scrape(alone, 'dent_engine_restarts')).toEqual({
      'dent_engine_restarts_total{reason="crash"}': 0,
      'dent_engine_restarts_total{reason="timeout"}': 0,
    });
    alone.watch({ isReady: () => true });
    expect(await scrape(alone, 'dent_worker_up')).toEqual({});
    expect(await scrape(alone, 'dent_redis_up')).toEqual({});
    expect(await scrape(alone, 'dent_engine')).toEqual({});
  });

  test('API processes, where there are several', async () => {
    const metrics = createMetrics('1.2.3');
    metrics.watch({ isReady: () => true, apiProcesses: () => 3 });
    metrics.api.lost();
    expect(await scrape(metrics, 'dent_api')).toEqual({ dent_api_processes: 3, dent_api_restarts_total: 1 });
    const alone = createMetrics('1.2.3');
    alone.watch({ isReady: () => true });
    expect(await scrape(alone, 'dent_api')).toEqual({});
  });

  test("the engine's processes, and their memory", async () => {
    const metrics = createMetrics('1.2.3');
    metrics.watch({ isReady: () => true, enginePids: () => [process.pid, 2 ** 30] });
    const { dent_engine_processes: processes, dent_engine_resident_memory_bytes: bytes } = await scrape(
      metrics,
      'dent_engine',
    );
    expect(processes).toBe(2);
    expect(Math.abs(bytes! - process.memoryUsage.rss())).toBeLessThan(0.3 * bytes!);
  });
});

describe('series', () => {
  test('of a loaded model exist before the first event, one for each closed set of labels', async () => {
    const metrics = createMetrics('1.2.3');
    const before = await scrape(metrics, 'dent_');
    metrics.models.loaded(MODEL);
    const added = Object.entries(await scrape(metrics, 'dent_')).filter(([series]) => !(series in before));
    const zeros = added.filter(([, value]) => value === 0).map(([series]) => series);
    for (const series of [
      'dent_batches_total{model="digits:3",recipe="isolated",reason="drain"}',
      'dent_fallbacks_total{model="digits:3",recipe="static",reason="nonfinite"}',
      'dent_adapt_duration_seconds_count{model="digits:3",recipe="static",steps="0"}',
      'dent_adapt_duration_seconds_count{model="digits:3",recipe="isolated",steps="6"}',
      'dent_entropy_nats_count{model="digits:3",recipe="isolated",phase="adapted"}',
      ...['dent_predictions_total', 'dent_label_changes_total', 'dent_queue_wait_seconds_count'].map(
        (name) => name + SERIES,
      ),
      ...['dent_batch_size_count', 'dent_adapt_step_duration_seconds_count'].map((name) => name + SERIES),
    ]) {
      expect(zeros).toContain(series);
    }
    expect(added.filter(([, value]) => value !== 0)).toEqual([
      ['dent_model_info{model="digits:3",sha256="abc"}', 1],
      ['dent_queue_limit{model="digits:3"}', 64],
      ['dent_batch_max_size{model="digits:3"}', 8],
    ]);
    expect(zeros).not.toContain('dent_adapt_step_duration_seconds_count{model="digits:3",recipe="static"}');
  });

  test('of a fresh process name every stage and every reason of rejection', async () => {
    const metrics = createMetrics('1.2.3');
    const reasons = Object.keys(await scrape(metrics, 'dent_rejected_total'));
    expect(reasons.map((series) => series.match(/reason="(.*)"/)![1]).toSorted()).toEqual(
      `cancelled draining forbidden invalid_image invalid_request not_ready queue_full queue_unavailable rate_limited
       timeout too_large unauthorized unknown_model unknown_recipe unsupported_media_type`.split(/\s+/),
    );
    const stages = Object.keys(await scrape(metrics, 'dent_stage_duration_seconds_count'));
    expect(stages.map((series) => series.match(/stage="(.*)"/)![1])).toEqual(
      'decode preprocess queue adapt postprocess'.split(' '),
    );
  });

  test('keep their counts over a reload, and the model is listed with its new hash alone', async () => {
    const metrics = createMetrics('1.2.3');
    metrics.models.loaded(MODEL);
    metrics.queue.batchStarted({ lane: LANE, reason: 'full', waitSeconds: [1] });
    metrics.models.loaded({ ...MODEL, sha256: 'def' });
    expect(await scrape(metrics, 'dent_model_info')).toEqual({
      'dent_model_info{model="digits:3",sha256="def"}': 1,
    });
    metrics.models.unloaded(MODEL);
    expect(await scrape(metrics, 'dent_model_info')).toEqual({});
    metrics.models.loaded(MODEL);
    expect(await scrape(metrics, 'dent_batch_size_count')).toMatchObject({
      [`dent_batch_size_count${SERIES}`]: 1,
    });
  });

  test('of Node.js are there, and of another registry are not', async () => {
    const [one, other] = [createMetrics('1.2.3'), createMetrics('1.2.3')];
    one.http.started();
    expect(await scrape(other, 'dent_inflight')).toEqual({ dent_inflight_requests: 0 });
    const text = await one.text();
    expect(text).toContain('dent_build_info{version="1.2.3"} 1');
    expect(text).toMatch(/^process_cpu_seconds_total [\d.]+$/m);
    expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds [\d.e-]+$/m);
    expect(one.contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
    // Only counters may have such names.
    const totals = Array.from(text.matchAll(/^# TYPE \S+_total (\w+)$/gm), ([, type]) => type);
    expect(new Set(totals)).toEqual(new Set(['counter']));
  });
});

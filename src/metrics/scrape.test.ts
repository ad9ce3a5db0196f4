import { describe, expect, test } from 'vitest';
import { LANE, MODEL, scrape } from '../../test/fixtures/metrics/scrape.ts';
import { createMetrics } from './create-metrics.ts';

const SERIES = '{model="digits:3",recipe="isolated"}';

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

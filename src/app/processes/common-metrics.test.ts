import { expect, it } from 'vitest';
import { createMetrics, type Metrics } from '../../metrics/index.ts';
import type { Ask } from './calls.ts';
import { createCommonMetrics } from './common-metrics.ts';
import type { ApiCalls } from './protocol.ts';

/** An API process, whose metrics cross as clones. */
function processOf(metrics: Metrics): Ask<ApiCalls> {
  metrics.watch({ isReady: () => true });
  return (async () => structuredClone(await metrics.snapshot())) as unknown as Ask<ApiCalls>;
}

const request = { route: '/v1/predict', method: 'POST', code: 200, seconds: 0.2 };
const COUNT = 'dent_http_request_duration_seconds_count{route="/v1/predict",method="POST",code="200"}';

const valueIn = (text: string, series: string): number =>
  Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${series} `))
      ?.split(' ')[1],
  );

it('adds up what processes count, and keeps what a former one has counted', async () => {
  const [own, first, second, third] = [1, 2, 3, 4].map(() => createMetrics('1.2.3'));
  own!.watch({ isReady: () => true, apiProcesses: () => 2 });
  const common = createCommonMetrics(own!);
  const [a, b] = [processOf(first!), processOf(second!)];
  common.join(a);
  common.join(b);
  for (const metrics of [first!, first!, second!]) {
    metrics.http.started();
    metrics.http.finished(request);
  }
  second!.http.started();
  own!.queue.rejected({ model: 'digits', version: 1, recipe: 'static' }, 'timeout');
  const text = await common.text();
  expect(valueIn(text, COUNT)).toBe(3);
  expect(valueIn(text, 'dent_inflight_requests')).toBe(1);
  expect(valueIn(text, 'dent_rejected_total{reason="timeout"}')).toBe(1);
  expect(valueIn(text, 'dent_ready')).toBe(1);
  expect(valueIn(text, 'dent_api_processes')).toBe(2);
  expect(valueIn(text, 'process_start_time_seconds')).toBeGreaterThan(0);

  common.leave(b);
  common.join(processOf(third!));
  third!.http.started();
  third!.http.finished(request);
  const after = await common.text();
  expect(valueIn(after, COUNT)).toBe(4);
  // Only what grows stays: the request that was under way ended with its process.
  expect(valueIn(after, 'dent_inflight_requests')).toBe(0);
});

it('keeps what a process has told since the last scrape', async () => {
  const [own, busy] = [createMetrics('1.2.3'), createMetrics('1.2.3')];
  const common = createCommonMetrics(own);
  const ask = processOf(busy);
  common.join(ask);
  await common.text();
  busy.http.started();
  busy.http.finished(request);
  common.told(ask, structuredClone(await busy.counts()));
  common.leave(ask);
  const text = await common.text();
  expect(valueIn(text, COUNT)).toBe(1);
  expect(valueIn(text, 'dent_inflight_requests')).toBe(0);
});

it('is not ready while one process is not, and shows the longest pause of an event loop', async () => {
  const [own, slow] = [createMetrics('1.2.3'), createMetrics('1.2.3')];
  own!.watch({ isReady: () => true });
  const common = createCommonMetrics(own!);
  common.join(processOf(slow!));
  slow!.watch({ isReady: () => false });
  const text = await common.text();
  expect(valueIn(text, 'dent_ready')).toBe(0);
  expect(text).toContain('# TYPE nodejs_eventloop_lag_p99_seconds gauge');
});

it('takes the last values of a process that does not answer', async () => {
  const own = createMetrics('1.2.3');
  const busy = createMetrics('1.2.3');
  const common = createCommonMetrics(own);
  const answering = processOf(busy);
  let answers = true;
  const ask = (async () => {
    if (!answers) throw new Error('The other process is gone.');
    return answering('metrics', undefined);
  }) as unknown as Ask<ApiCalls>;
  common.join(ask);
  busy.http.started();
  busy.http.finished(request);
  expect(valueIn(await common.text(), COUNT)).toBe(1);
  answers = false;
  expect(valueIn(await common.text(), COUNT)).toBe(1);
});

import { dashboard, PROCESSES } from './dashboard.ts';
import { lines, type Query, stat, states, table } from './panels.ts';

/** Requests for predictions, of either protocol. */
const PREDICTS = `${PROCESSES}, method="POST", route=~".*/(predict|infer)"`;
const SECONDS = 'dent_http_request_duration_seconds';

const share = (codes: string): string =>
  `(sum(rate(${SECONDS}_count{${PREDICTS}, code=~"${codes}"}[$__rate_interval])) or vector(0)) / sum(rate(${SECONDS}_count{${PREDICTS}}[$__rate_interval]))`;
const latency = (quantile: number): string =>
  `histogram_quantile(${quantile}, sum by (le) (rate(${SECONDS}_bucket{${PREDICTS}}[$__rate_interval])))`;

const STAGES: readonly Query[] = [
  [
    '{{stage}}',
    `sum by (stage) (rate(dent_stage_duration_seconds_sum{${PROCESSES}}[$__rate_interval])) / sum by (stage) (rate(dent_stage_duration_seconds_count{${PROCESSES}}[$__rate_interval]))`,
  ],
];

/** Whether the service serves: the first question of an operator. */
export const overview = dashboard({
  uid: 'dent-serve-overview',
  title: 'dent-serve / Overview',
  about: 'Traffic, errors, latency and readiness of API processes and workers.',
  variables: ['namespace', 'job'],
  rows: [
    {
      title: 'Now',
      panels: [
        stat(
          {
            title: 'Not ready',
            about:
              'Processes that are scraped and cannot do their work: loading, draining, or without Redis.',
            unit: 'short',
            width: 4,
          },
          `count(dent_ready{${PROCESSES}} == 0) or vector(0)`,
          { warn: 1, bad: 2 },
        ),
        stat(
          { title: 'Predictions asked for', about: 'Requests a second.', unit: 'reqps', width: 4 },
          `sum(rate(${SECONDS}_count{${PREDICTS}}[$__rate_interval]))`,
        ),
        stat(
          {
            title: 'Failed by us',
            about:
              'Share of predictions answered with a status of 500 or more. Among them is 504 for callers who set a short timeout_ms.',
            unit: 'percentunit',
            width: 4,
          },
          share('5..'),
          { warn: 0.005, bad: 0.05 },
        ),
        stat(
          {
            title: 'Turned away',
            about:
              'Share of predictions answered with 429: the queue is full, or a caller has used up its share.',
            unit: 'percentunit',
            width: 4,
          },
          share('429'),
          { warn: 0.01, bad: 0.1 },
        ),
        stat(
          {
            title: 'Latency, 99th percentile',
            about: 'From the arrival of a request to the end of its answer.',
            unit: 's',
            width: 4,
          },
          latency(0.99),
          { warn: 5, bad: 10 },
        ),
        stat(
          {
            title: 'Rows waiting',
            about:
              'With Redis the queue is one, and every API process tells all of it; without, this is the longest.',
            unit: 'short',
            width: 4,
          },
          `sum(max by (model, recipe) (dent_queue_depth{${PROCESSES}}))`,
        ),
      ],
    },
    {
      title: 'Traffic and errors',
      panels: [
        lines(
          {
            title: 'Predictions by status',
            about: 'Answers to requests for predictions. 499: the client did not stay for it.',
            unit: 'reqps',
            width: 12,
          },
          [['{{code}}', `sum by (code) (rate(${SECONDS}_count{${PREDICTS}}[$__rate_interval]))`]],
          { stacked: true },
        ),
        lines(
          {
            title: 'Refused or given up, by reason',
            about:
              'The codes of errors. queue_full and timeout ask for more workers; invalid_image and the like are the callers’ own.',
            unit: 'reqps',
            width: 12,
          },
          [['{{reason}}', `sum by (reason) (rate(dent_rejected_total{${PROCESSES}}[$__rate_interval])) > 0`]],
          { stacked: true },
        ),
        lines(
          {
            title: 'Latency',
            about: 'From the arrival of a request to the end of its answer.',
            unit: 's',
            width: 12,
          },
          [
            ['p50', latency(0.5)],
            ['p95', latency(0.95)],
            ['p99', latency(0.99)],
          ],
        ),
        lines(
          {
            title: 'Where the time goes',
            about:
              'Mean time of each stage: decode and queue for a row, preprocess, adapt and postprocess for a batch.',
            unit: 's',
            width: 12,
          },
          STAGES,
          { stacked: true },
        ),
      ],
    },
    {
      title: 'Processes',
      panels: [
        states(
          {
            title: 'Ready',
            about:
              'Green: the process can do its work. The reasons of one that cannot are at /v2/health/ready.',
            unit: 'short',
            width: 12,
          },
          [['{{job}} {{instance}}', `dent_ready{${PROCESSES}}`]],
        ),
        lines(
          {
            title: 'Requests under way',
            about: 'HTTP requests that have arrived and are not yet answered.',
            unit: 'short',
            width: 12,
          },
          [['{{job}} {{instance}}', `dent_inflight_requests{${PROCESSES}}`]],
        ),
        table(
          {
            title: 'Versions',
            about:
              'Which dent-serve runs where. Two versions for longer than a rollout takes are a rollout that hangs.',
            width: 12,
          },
          [['processes', 'short', `count by (job, version) (dent_build_info{${PROCESSES}})`]],
        ),
        table(
          {
            title: 'Models',
            about: 'Which model files are loaded, by hash. API processes and workers must have the same.',
            width: 12,
          },
          [['processes', 'short', `count by (model, sha256, job) (dent_model_info{${PROCESSES}})`]],
        ),
      ],
    },
  ],
});

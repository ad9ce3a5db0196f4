import { dashboard, LANES, PROCESSES } from './dashboard.ts';
import { heatmap, lines, stat } from './panels.ts';

const LANE = 'by (model, recipe)';
const depth = `max ${LANE} (dent_queue_depth{${LANES}})`;
const wait = (quantile: number): string =>
  `histogram_quantile(${quantile}, sum by (le) (rate(dent_queue_wait_seconds_bucket{${LANES}}[$__rate_interval])))`;
const limit = `max by (model) (dent_queue_limit{${PROCESSES}, model=~"$model"})`;
const rows = `rate(dent_batch_size_sum{${LANES}}[$__rate_interval])`;
const batches = `rate(dent_batch_size_count{${LANES}}[$__rate_interval])`;

/** How rows wait and become batches. */
export const queue = dashboard({
  uid: 'dent-serve-queue',
  title: 'dent-serve / Queue and batches',
  about: 'How long rows wait, how full the queue is, and what batches they become.',
  variables: ['namespace', 'job', 'model', 'recipe'],
  rows: [
    {
      title: 'Now',
      panels: [
        stat(
          {
            title: 'Rows waiting',
            about:
              'With Redis the queue is one, and every API process tells all of it: the largest, not the sum.',
            unit: 'short',
            width: 6,
          },
          `sum(${depth})`,
        ),
        stat(
          {
            title: 'Fullest queue',
            about: 'Rows of a model that wait, of those that may. From 100 % on requests are turned away.',
            unit: 'percentunit',
            width: 6,
          },
          `max(sum by (model) (${depth}) / ${limit})`,
          { warn: 0.5, bad: 0.8 },
        ),
        stat(
          { title: 'Oldest row', about: 'How long it has waited.', unit: 's', width: 6 },
          `max(dent_queue_oldest_age_seconds{${LANES}})`,
          { warn: 2, bad: 10 },
        ),
        stat(
          {
            title: 'Empty in',
            about: 'Waiting rows, divided by the rows that are predicted a second.',
            unit: 's',
            width: 6,
          },
          `sum(${depth}) / (sum(rate(dent_predictions_total{${LANES}}[$__rate_interval])) > 0)`,
        ),
      ],
    },
    {
      title: 'Waiting',
      panels: [
        lines(
          {
            title: 'Rows waiting, by model and recipe',
            about: 'A queue that only grows needs more workers; one that empties between peaks needs none.',
            unit: 'short',
            width: 12,
          },
          [['{{model}} {{recipe}}', depth]],
          { stacked: true },
        ),
        lines(
          {
            title: 'Age of the oldest row',
            about:
              'More than maxDelayMs and a run means that all engines are busy. Near the deadline rows begin to fail with timeout.',
            unit: 's',
            width: 12,
          },
          [['{{model}} {{recipe}}', `max ${LANE} (dent_queue_oldest_age_seconds{${LANES}})`]],
        ),
        lines(
          {
            title: 'Wait of rows',
            about: 'From acceptance to the start of the batch, of those that were run.',
            unit: 's',
            width: 12,
          },
          [
            ['p50', wait(0.5)],
            ['p95', wait(0.95)],
            ['p99', wait(0.99)],
          ],
        ),
        lines(
          {
            title: 'Refused or given up by the queue',
            about:
              'By reason. queue_full: it was full, or could not meet the deadline. timeout: it did not meet it. queue_unavailable: Redis could not be used.',
            unit: 'reqps',
            width: 12,
          },
          [
            [
              '{{reason}}',
              `sum by (reason) (rate(dent_rejected_total{${PROCESSES}, reason=~"queue_full|queue_unavailable|draining|timeout|cancelled"}[$__rate_interval]))`,
            ],
          ],
          { stacked: true },
        ),
      ],
    },
    {
      title: 'Batches',
      panels: [
        heatmap(
          {
            title: 'Rows of a batch',
            about:
              'Batches by their size. Large ones are cheaper for each row, and coupled recipes need them.',
            unit: 'short',
            width: 12,
          },
          `sum by (le) (increase(dent_batch_size_bucket{${LANES}}[$__rate_interval]))`,
        ),
        lines(
          {
            title: 'How full batches are',
            about:
              'Mean rows of a batch, of those that it may have. Low and no queue: there is little to do.',
            unit: 'percentunit',
            width: 12,
          },
          [
            [
              '{{model}}',
              `sum by (model) (${rows}) / sum by (model) (${batches}) / max by (model) (dent_batch_max_size{${PROCESSES}, model=~"$model"})`,
            ],
          ],
        ),
        lines(
          {
            title: 'Batches by what started them',
            about:
              'They start full, or at the end of the window, when the oldest row has waited for maxDelayMs; drain is a process that closes.',
            unit: 'ops',
            width: 12,
          },
          [['{{reason}}', `sum by (reason) (rate(dent_batches_total{${LANES}}[$__rate_interval]))`]],
          { stacked: true },
        ),
        lines(
          {
            title: 'Rows predicted',
            about: 'By model and recipe.',
            unit: 'ops',
            width: 12,
          },
          [
            [
              '{{model}} {{recipe}}',
              `sum ${LANE} (rate(dent_predictions_total{${LANES}}[$__rate_interval]))`,
            ],
          ],
          { stacked: true },
        ),
      ],
    },
  ],
});

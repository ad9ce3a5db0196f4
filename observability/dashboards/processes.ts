import { dashboard, PROCESSES } from './dashboard.ts';
import { lines, stat, states } from './panels.ts';

const NAME = '{{job}} {{instance}}';
/** Only our own processes: other Node.js programs may have their metrics scraped too. */
const ours = (expr: string): string => `${expr} and on (job, instance) dent_build_info{${PROCESSES}}`;

/** The machinery: engines, workers, Redis, event loops and memory. */
export const processes = dashboard({
  uid: 'dent-serve-processes',
  title: 'dent-serve / Processes',
  about: 'Engines, workers, Redis, event loops and memory.',
  variables: ['namespace', 'job'],
  rows: [
    {
      title: 'Now',
      panels: [
        stat(
          {
            title: 'Processes that run batches',
            about: 'Workers, or API processes that batch in memory. None: nobody works.',
            unit: 'short',
            width: 6,
          },
          `sum(dent_worker_up{${PROCESSES}}) or vector(0)`,
          { warn: 1, bad: 0.5 },
        ),
        stat(
          {
            title: 'Without Redis',
            about: 'Processes that cannot reach Redis and should.',
            unit: 'short',
            width: 6,
          },
          `count(dent_redis_up{${PROCESSES}} == 0) or vector(0)`,
          { warn: 1, bad: 2 },
        ),
        stat(
          {
            title: 'Engine processes',
            about: 'Alive now: one for each of --threads on the CPU.',
            unit: 'short',
            width: 6,
          },
          `sum(dent_engine_processes{${PROCESSES}})`,
        ),
        stat(
          {
            title: 'Engine processes lost',
            about:
              'Within the time range. They are replaced. Several in a row have a cause, which the log names.',
            unit: 'short',
            width: 6,
          },
          `sum(increase(dent_engine_restarts_total{${PROCESSES}}[$__range]))`,
          { warn: 1, bad: 5 },
        ),
      ],
    },
    {
      title: 'Workers, models and Redis',
      panels: [
        states(
          { title: 'Runs batches', about: 'Green: takes batches and runs them.', unit: 'short', width: 8 },
          [[NAME, `dent_worker_up{${PROCESSES}}`]],
        ),
        states(
          {
            title: 'Reaches Redis',
            about: 'Nothing where batches form in memory.',
            unit: 'short',
            width: 8,
          },
          [[NAME, `dent_redis_up{${PROCESSES}}`]],
        ),
        lines(
          {
            title: 'Models loaded',
            about: 'Versions that came to be served, at the start or later, and those that could not be.',
            unit: 'short',
            width: 8,
          },
          [[`{{outcome}}, ${NAME}`, `increase(dent_model_loads_total{${PROCESSES}}[$__rate_interval])`]],
        ),
      ],
    },
    {
      title: 'Engines',
      panels: [
        lines(
          {
            title: 'Time spent in engines',
            about:
              'Share of its time that a process has a batch in its engine. Near 100 % it can do no more: add workers, or take fewer steps.',
            unit: 'percentunit',
            width: 12,
          },
          [
            [
              NAME,
              `rate(dent_stage_duration_seconds_sum{${PROCESSES}, stage="adapt"}[$__rate_interval]) and on (job, instance) dent_worker_up`,
            ],
          ],
        ),
        lines(
          {
            title: 'Engine processes lost, by reason',
            about:
              'A crash is a death by itself, or for want of memory; a timeout a run of more than DENT_RUN_TIMEOUT_MS. The log has the reason of each.',
            unit: 'short',
            width: 12,
          },
          [[`{{reason}}, ${NAME}`, `increase(dent_engine_restarts_total{${PROCESSES}}[$__rate_interval])`]],
        ),
        lines(
          {
            title: 'Memory of engines',
            about: 'Of all engine processes of a process; each has its own copy of the models.',
            unit: 'bytes',
            width: 12,
          },
          [[NAME, `dent_engine_resident_memory_bytes{${PROCESSES}}`]],
        ),
        lines(
          {
            title: 'Engine processes, by process',
            about: 'Fewer than --threads for long: they do not start.',
            unit: 'short',
            width: 12,
          },
          [[NAME, `dent_engine_processes{${PROCESSES}}`]],
        ),
      ],
    },
    {
      title: 'API processes',
      panels: [
        lines(
          {
            title: 'API processes, by process',
            about: 'Of servers with --processes. Fewer than that for long: they do not start.',
            unit: 'short',
            width: 12,
          },
          [[NAME, `dent_api_processes{${PROCESSES}}`]],
        ),
        lines(
          {
            title: 'API processes lost',
            about:
              'They died or hung and were replaced; their clients lost their connections. The log has the reason of each.',
            unit: 'short',
            width: 12,
          },
          [[NAME, `increase(dent_api_restarts_total{${PROCESSES}}[$__rate_interval])`]],
        ),
      ],
    },
    {
      title: 'Node.js',
      panels: [
        lines(
          {
            title: 'Lag of the event loop, 99th percentile',
            about: 'Decoding and bookkeeping share it. From 200 ms on health checks and heartbeats suffer.',
            unit: 's',
            width: 12,
          },
          [[NAME, ours(`nodejs_eventloop_lag_p99_seconds{${PROCESSES}}`)]],
        ),
        lines(
          {
            title: 'CPU, without engines',
            about: 'Cores that a process itself keeps busy.',
            unit: 'short',
            width: 12,
          },
          [[NAME, ours(`rate(process_cpu_seconds_total{${PROCESSES}}[$__rate_interval])`)]],
        ),
        lines(
          {
            title: 'Memory, without engines',
            about: 'Bodies and pixels of requests under way are here.',
            unit: 'bytes',
            width: 12,
          },
          [
            [`resident, ${NAME}`, ours(`process_resident_memory_bytes{${PROCESSES}}`)],
            [`heap, ${NAME}`, ours(`nodejs_heap_size_used_bytes{${PROCESSES}}`)],
          ],
        ),
        lines(
          {
            title: 'Garbage collection',
            about: 'Share of the time.',
            unit: 'percentunit',
            width: 12,
          },
          [
            [
              NAME,
              ours(
                `sum by (job, instance) (rate(nodejs_gc_duration_seconds_sum{${PROCESSES}}[$__rate_interval]))`,
              ),
            ],
          ],
        ),
        lines(
          {
            title: 'Open files and sockets',
            about: 'Of as many as the system allows.',
            unit: 'percentunit',
            width: 12,
          },
          [[NAME, ours(`process_open_fds{${PROCESSES}} / process_max_fds{${PROCESSES}}`)]],
        ),
        lines({ title: 'Running for', about: 'A fall to zero is a restart.', unit: 's', width: 12 }, [
          [NAME, ours(`time() - process_start_time_seconds{${PROCESSES}}`)],
        ]),
      ],
    },
  ],
});

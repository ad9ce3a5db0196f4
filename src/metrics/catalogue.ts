import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** From a quick route to the longest deadline. */
const REQUEST_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** From one update of a small model on a GPU to a thousand updates of a large one on a CPU. */
const ADAPT_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];
const ADAPT_STEP_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** Decoding takes fractions of a millisecond, adapting up to minutes, and both are stages. */
const STAGE_SECONDS = [
  0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300,
];
/** The entropy of K classes is at most ln K: 2.3 for ten, 6.9 for a thousand. Confident rows crowd near 0. */
const ENTROPY_NATS = [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 4, 5, 6, 7];
/** The paper makes up to 30, the presets up to 10; 0 is a row that was answered as it is. */
const STEPS = [0, 1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 50, 100, 1000];
const BATCH_ROWS = [1, 2, 4, 8, 16, 32, 64, 128];

/**
 * Every metric of the service, declared once and registered with `registry`. `model` is always name:version.
 */
// biome-ignore lint/complexity/noExcessiveLinesPerFunction: a list, which reads from top to bottom.
export function createCatalogue(registry: Registry) {
  const registers = [registry];
  return {
    httpRequestDuration: new Histogram({
      name: 'dent_http_request_duration_seconds',
      help: 'Time from the arrival of a request to the end of its response.',
      labelNames: ['route', 'method', 'code'],
      buckets: REQUEST_SECONDS,
      registers,
    }),
    inflightRequests: new Gauge({
      name: 'dent_inflight_requests',
      help: 'HTTP requests that have arrived and are not yet answered.',
      registers,
    }),
    ready: new Gauge({
      name: 'dent_ready',
      help: '1 while this process can answer predictions, otherwise 0.',
      aggregator: 'min',
      registers,
    }),
    workerUp: new Gauge({
      name: 'dent_worker_up',
      help: '1 while this process takes batches and runs them, otherwise 0; absent where it is none that runs batches.',
      registers,
    }),
    redisUp: new Gauge({
      name: 'dent_redis_up',
      help: '1 while this process is connected to Redis, otherwise 0; absent where it uses none.',
      registers,
    }),
    buildInfo: new Gauge({
      name: 'dent_build_info',
      help: '1, with the version of dent-serve that runs here.',
      labelNames: ['version'],
      aggregator: 'max',
      registers,
    }),
    apiProcesses: new Gauge({
      name: 'dent_api_processes',
      help: 'API processes that live now; absent where one process does everything.',
      registers,
    }),
    apiRestarts: new Counter({
      name: 'dent_api_restarts_total',
      help: 'API processes that ended by themselves, were killed, or hung, and were replaced; absent where one process does everything.',
      registers,
    }),
    engineProcesses: new Gauge({
      name: 'dent_engine_processes',
      help: 'Engine processes that live now; absent where this process runs no batches.',
      registers,
    }),
    engineMemory: new Gauge({
      name: 'dent_engine_resident_memory_bytes',
      help: 'Memory of all engine processes together, which process_resident_memory_bytes leaves out; absent where this process runs no batches.',
      registers,
    }),
    engineRestarts: new Counter({
      name: 'dent_engine_restarts_total',
      help: 'Engine processes that were lost and replaced: crash (it died by itself or was killed from outside) or timeout (it ran for too long and was killed).',
      labelNames: ['reason'],
      registers,
    }),
    modelInfo: new Gauge({
      name: 'dent_model_info',
      help: '1 for each model version that is loaded, with the hash of its source file.',
      labelNames: ['model', 'sha256'],
      registers,
    }),
    modelLoads: new Counter({
      name: 'dent_model_loads_total',
      help: 'Model versions that came to be served (ready), at the start or later, and those that could not be (failed).',
      labelNames: ['outcome'],
      registers,
    }),
    queueDepth: new Gauge({
      name: 'dent_queue_depth',
      help: 'Rows that wait for a batch to start.',
      labelNames: ['model', 'recipe'],
      registers,
    }),
    queueOldestAge: new Gauge({
      name: 'dent_queue_oldest_age_seconds',
      help: 'How long the oldest waiting row has waited; 0 where none waits.',
      labelNames: ['model', 'recipe'],
      registers,
    }),
    queueLimit: new Gauge({
      name: 'dent_queue_limit',
      help: 'Rows of a model that may wait, over all recipes; one more is refused with queue_full.',
      labelNames: ['model'],
      registers,
    }),
    queueWait: new Histogram({
      name: 'dent_queue_wait_seconds',
      help: 'Time a row waited from its acceptance to the start of its batch.',
      labelNames: ['model', 'recipe'],
      buckets: REQUEST_SECONDS,
      registers,
    }),
    batchSize: new Histogram({
      name: 'dent_batch_size',
      help: 'Rows of a batch.',
      labelNames: ['model', 'recipe'],
      buckets: BATCH_ROWS,
      registers,
    }),
    batchMaxSize: new Gauge({
      name: 'dent_batch_max_size',
      help: 'Rows of a full batch.',
      labelNames: ['model'],
      registers,
    }),
    batches: new Counter({
      name: 'dent_batches_total',
      help: 'Batches started, by what started them: full, window (the oldest row had waited long enough) or drain.',
      labelNames: ['model', 'recipe', 'reason'],
      registers,
    }),
    adaptDuration: new Histogram({
      name: 'dent_adapt_duration_seconds',
      help: 'Time to adapt to a batch and predict it, by the number of updates of its recipe.',
      labelNames: ['model', 'recipe', 'steps'],
      buckets: ADAPT_SECONDS,
      registers,
    }),
    adaptStepDuration: new Histogram({
      name: 'dent_adapt_step_duration_seconds',
      help: 'Time to adapt to a batch and predict it, divided by the number of updates of its recipe; batches without updates are left out.',
      labelNames: ['model', 'recipe'],
      buckets: ADAPT_STEP_SECONDS,
      registers,
    }),
    rowSteps: new Histogram({
      name: 'dent_row_steps',
      help: 'Updates that a row made; rows of recipes without updates make 0.',
      labelNames: ['model', 'recipe'],
      buckets: STEPS,
      registers,
    }),
    rowsStopped: new Counter({
      name: 'dent_rows_stopped_total',
      help: 'Rows that made fewer updates than their recipe has: gate (none, the model was sure as it is) or floor (fewer, the row had become sure).',
      labelNames: ['model', 'recipe', 'reason'],
      registers,
    }),
    stageDuration: new Histogram({
      name: 'dent_stage_duration_seconds',
      help: 'Time a prediction spent in each stage: decode, preprocess, queue, adapt, postprocess.',
      labelNames: ['stage'],
      buckets: STAGE_SECONDS,
      registers,
    }),
    entropy: new Histogram({
      name: 'dent_entropy_nats',
      help: 'Entropy of the predicted class probabilities of a row, of the model as it is (static) and adapted.',
      labelNames: ['model', 'recipe', 'phase'],
      buckets: ENTROPY_NATS,
      registers,
    }),
    labelChanges: new Counter({
      name: 'dent_label_changes_total',
      help: 'Predictions whose most probable class was changed by adaptation.',
      labelNames: ['model', 'recipe'],
      registers,
    }),
    predictions: new Counter({
      name: 'dent_predictions_total',
      help: 'Rows predicted.',
      labelNames: ['model', 'recipe'],
      registers,
    }),
    fallbacks: new Counter({
      name: 'dent_fallbacks_total',
      help: 'Rows predicted with another recipe than the one they asked for.',
      labelNames: ['model', 'recipe', 'reason'],
      registers,
    }),
    rejected: new Counter({
      name: 'dent_rejected_total',
      help: 'Requests that were refused or given up, by the code of their error.',
      labelNames: ['reason'],
      registers,
    }),
  };
}

export type Catalogue = ReturnType<typeof createCatalogue>;

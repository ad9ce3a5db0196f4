import type { DurationSum, Inference, VersionStatistics } from '../../inference/inference.ts';
import type { DescribedVersion } from '../../models/model.ts';
import { answer, KEY_PROBLEMS, openInferenceErrors } from '../server/answers.ts';
import type { App } from '../server/app-instance.ts';
import { chooseVersion } from './choose-version.ts';
import { STATISTICS_EXAMPLE } from './schemas/examples.ts';
import { NamedModel, NamedVersion } from './schemas/open-inference.ts';
import { ModelStatistics, type ModelStatisticsBody } from './schemas/statistics.ts';

const NONE: DurationSum = { count: 0, ns: 0 };

/** The counts in Triton's words. There is no cache, and only the run of a batch is measured by batch size. */
function write(statistics: VersionStatistics): ModelStatisticsBody['model_stats'][number] {
  const { success, fail, queue, computeInput, computeInfer, computeOutput, batchesBySize } = statistics;
  return {
    name: statistics.name,
    version: String(statistics.version),
    last_inference: statistics.lastInferenceMs,
    inference_count: statistics.rows,
    execution_count: statistics.batches,
    inference_stats: {
      success,
      fail,
      queue,
      compute_input: computeInput,
      compute_infer: computeInfer,
      compute_output: computeOutput,
      cache_hit: NONE,
      cache_miss: NONE,
    },
    batch_stats: batchesBySize.map(({ size, count, ns }) => ({
      batch_size: size,
      compute_input: NONE,
      compute_infer: { count, ns },
      compute_output: NONE,
    })),
  };
}

/** The answers of this server. */
export function statisticsRoutes(app: App, inference: Inference): void {
  const schema = {
    summary: 'How many requests were answered, and where their time went',
    description:
      'Counted since the version was loaded, over the processes of `--processes`. Durations are sums in nanoseconds over requests, of /v1 too; `execution_count` and `batch_stats` ' +
      'count runs of the engine, where rows of other processes share them by the share of the rows that were asked for here. They are totals over all callers, so a key needs the scope `metrics`.',
    tags: ['open inference'],
  };
  const ok = answer('The statistics.', 'application/json', ModelStatistics, STATISTICS_EXAMPLE);
  const response = { 200: ok, ...openInferenceErrors(...KEY_PROBLEMS, 'unknown_model', 'not_ready') };

  const statistics = async (version: DescribedVersion) => write(await inference.statistics(version));
  const one = async (which: { model: string; version?: string }): Promise<ModelStatisticsBody> => ({
    model_stats: [await statistics(chooseVersion(inference, which))],
  });

  app.get(
    '/v2/models/stats',
    {
      config: { scope: 'metrics' },
      schema: {
        ...schema,
        operationId: 'statistics',
        response: { 200: ok, ...openInferenceErrors(...KEY_PROBLEMS) },
      },
    },
    async () => {
      const ready = inference
        .models()
        .flatMap(({ name, versions }) =>
          versions
            .filter(({ state }) => state === 'ready')
            .map(({ version }) => inference.version(name, version)),
        );
      return { model_stats: await Promise.all(ready.map(statistics)) };
    },
  );
  app.get(
    '/v2/models/:model/stats',
    {
      config: { scope: 'metrics' },
      schema: { ...schema, operationId: 'modelStatistics', params: NamedModel, response },
    },
    async ({ params }) => one(params),
  );
  app.get(
    '/v2/models/:model/versions/:version/stats',
    {
      config: { scope: 'metrics' },
      schema: { ...schema, operationId: 'versionStatistics', params: NamedVersion, response },
    },
    async ({ params }) => one(params),
  );
}

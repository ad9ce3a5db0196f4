import Type, { type Static } from 'typebox';
import { strict } from './open-inference.ts';

const Duration = Type.Object(
  { count: Type.Integer({ minimum: 0 }), ns: Type.Integer({ minimum: 0 }) },
  { title: 'StatisticDuration', ...strict },
);

export const ModelStatistics = Type.Object(
  {
    model_stats: Type.Array(
      Type.Object(
        {
          name: Type.String(),
          version: Type.String(),
          last_inference: Type.Integer({
            minimum: 0,
            description: 'Milliseconds since the epoch; 0 for none.',
          }),
          inference_count: Type.Integer({ minimum: 0, description: 'Rows.' }),
          execution_count: Type.Integer({ minimum: 0, description: 'Batches.' }),
          inference_stats: Type.Object(
            {
              success: Duration,
              fail: Duration,
              queue: Duration,
              compute_input: Duration,
              compute_infer: Duration,
              compute_output: Duration,
              cache_hit: Duration,
              cache_miss: Duration,
            },
            { title: 'InferStatistics', ...strict },
          ),
          batch_stats: Type.Array(
            Type.Object(
              {
                batch_size: Type.Integer({ minimum: 1 }),
                compute_input: Duration,
                compute_infer: Duration,
                compute_output: Duration,
              },
              { title: 'BatchStatistics', ...strict },
            ),
          ),
        },
        { title: 'VersionStatistics', ...strict },
      ),
    ),
  },
  { title: 'ModelStatistics', ...strict },
);
export type ModelStatisticsBody = Static<typeof ModelStatistics>;

import { afterAll, expect, it } from 'vitest';
import { openTensorApp } from '../../../test/http/tensor-app.ts';

const { test } = await openTensorApp();
afterAll(() => test.app.close());

it.each(['/v2/models/colours/stats', '/v2/models/colours/versions/2/stats'])(
  'tells what was counted in the words of load generators at %s',
  async (url) => {
    const none = { count: 0, ns: 0 };
    expect((await test.app.inject(url)).json()).toEqual({
      model_stats: [
        {
          name: 'colours',
          version: '2',
          last_inference: 7,
          inference_count: 5,
          execution_count: 2,
          inference_stats: {
            success: { count: 1, ns: 10 },
            fail: { count: 2, ns: 20 },
            queue: { count: 3, ns: 30 },
            compute_input: { count: 4, ns: 40 },
            compute_infer: { count: 5, ns: 50 },
            compute_output: { count: 6, ns: 60 },
            cache_hit: none,
            cache_miss: none,
          },
          batch_stats: [
            { batch_size: 3, compute_input: none, compute_infer: { count: 2, ns: 80 }, compute_output: none },
          ],
        },
      ],
    });
  },
);

it('tells of every version that is ready at /v2/models/stats', async () => {
  const { model_stats: all } = (await test.app.inject('/v2/models/stats')).json();
  expect(all.map(({ version }: { version: string }) => version)).toEqual(['1', '2']);
});

import { describe, expect, it } from 'vitest';
import { withCompiled } from '../../test/fixtures/dent/compiled.ts';
import { images, plainModel } from '../../test/fixtures/dent/models.ts';
import { startEngine } from '../../test/fixtures/engine/start-engine.ts';
import { type AdaptedRows, createEngine, type Engine } from '../engine/index.ts';
import { RunError } from '../engine/run-error.ts';
import type { Tensor } from '../tensor.ts';
import { type CompiledModel, compile, createRecipe } from './index.ts';

const engine = startEngine({ fillsBatches: true });

const compiled = (
  options: Readonly<Record<string, unknown>>,
  isPadded: boolean,
  target: 'cpu' | 'cuda' = 'cpu',
): Promise<CompiledModel> => compile(plainModel, createRecipe(options), engine, { isPadded, target });

const PARTS = ['logits', 'staticLogits', 'entropy', 'top', 'sigma'] as const;

function expectClose(actual: AdaptedRows, expected: AdaptedRows): void {
  for (const part of PARTS) {
    const [one, other] = [actual[part], expected[part]] as (Tensor<'float32'> | undefined)[];
    expect(one?.dims).toEqual(other?.dims);
    const largest = Math.max(...(other?.data.map(Math.abs) ?? []));
    one?.data.forEach((value, i) => {
      expect(Math.abs(value - other!.data[i]!)).toBeLessThan(1e-6 * largest);
    });
  }
}

/** The engine, and how many graphs are and were open in it. */
function counting(real: Engine) {
  const count = { open: 0, opened: 0, most: 0 };
  const open: Engine['open'] = async (source, how) => {
    const graph = await real.open(source, how);
    count.open += 1;
    count.opened += 1;
    count.most = Math.max(count.most, count.open);
    async function release(): Promise<void> {
      await graph.release();
      count.open -= 1;
    }
    return { ...graph, release };
  };
  return { count, engine: { ...real, pids: real.pids, open } };
}

describe('batches that are filled up', () => {
  it.each([
    { preset: 'static' },
    { preset: 'norm' },
    { preset: 'dent', lr: 0.02 },
    { preset: 'dent+' },
    { preset: 'brief', gate: 0.8, floor: 0.75 },
    { preset: 'dent-smooth' },
  ])('get the answers of batches as they are: %j', async (options) => {
    const [plain, padded] = [await compiled(options, false), await compiled(options, true)];
    await withCompiled(engine, plain, (asIs) =>
      withCompiled(engine, padded, async (filled) => {
        for (const size of [1, 3, 57, 100, 128]) {
          const batch = images(size);
          const [answer, expected] = await Promise.all([filled.run(batch, 3), asIs.run(batch, 3)]);
          expectClose(answer, expected);
        }
      }),
    );
  });

  // A small network's batch is a single part there, and stays in place.
  it.each([
    { preset: 'brief', gate: 0.8, floor: 0.75 },
    { preset: 'brief', gate: 0.8, floor: 0.75, optimizer: 'sgd', sigma: 0.5 },
    { preset: 'isolated', gate: 1, floor: 'off' },
    { preset: 'isolated', gate: 0, floor: 0 },
  ])('stop where they would as they are, on a GPU too: %j', async (options) => {
    const [plain, padded] = [await compiled(options, false), await compiled(options, true, 'cuda')];
    await withCompiled(engine, plain, (asIs) =>
      withCompiled(engine, padded, async (filled) => {
        for (const [size, steps] of [
          [5, 4],
          [64, 2],
          [3, 0],
          [3, -1],
        ] as const) {
          const batch = images(size);
          expectClose(await filled.run(batch, steps), await asIs.run(batch, steps));
        }
      }),
    );
  });

  it('have one session for each size, at most eight at a time, released with the artifact', async () => {
    const { count, engine: counted } = counting(engine);
    await withCompiled(counted, await compiled({ preset: 'dent' }, true), async (filled) => {
      for (const size of [1, 3, 4, 57, 100, 128, 64, 3]) await filled.run(images(size), 1);
      expect(count).toEqual({ open: 4, opened: 4, most: 4 });
      const sizes = [1, 2, 3, 5, 9, 17, 33, 65, 129, 257, 1];
      const answers = await Promise.all(sizes.map((size) => filled.run(images(size), 1)));
      expect(answers.map(({ logits }) => logits.dims[0])).toEqual(sizes);
      expect(count).toMatchObject({ open: 8, most: 8 });
    });
    expect(count.open).toBe(0);
  });

  it('are warmed up in the sizes that requests can make', async () => {
    await withCompiled(engine, await compiled({ preset: 'static' }, true), async ({ warmUpSizes }) => {
      expect(warmUpSizes(1)).toEqual([1]);
      expect(warmUpSizes(100)).toEqual([1, 2, 4, 8, 16, 32, 64, 128]);
      expect(warmUpSizes(1024)).toEqual([8, 16, 32, 64, 128, 256, 512, 1024]);
    });
  });

  it('have one row more where the hardware has no algorithm for a size', async () => {
    const sizes: number[] = [];
    const open: Engine['open'] = async (source, how) => {
      const graph = await engine.open(source, how);
      const run: typeof graph.run = async (feeds, options) => {
        sizes.push(options!.filling!.to);
        // As ONNX Runtime says it. A CPU has an algorithm for every size.
        if (options!.filling!.to === 8) throw new RunError('CUDNN_FE failure 8: HEURISTIC_QUERY_FAILED.');
        return graph.run(feeds, options);
      };
      return { ...graph, run };
    };
    const [recipe, batch] = [{ preset: 'dent+' }, images(8)];
    const expected = await withCompiled(engine, await compiled(recipe, false), ({ run }) => run(batch, 2));
    const lacking = { ...engine, pids: engine.pids, open };
    await withCompiled(lacking, await compiled(recipe, true), async (filled) => {
      expectClose(await filled.run(batch, 2), expected);
      expectClose(await filled.run(batch, 2), expected);
      await filled.run(images(3), 2);
    });
    expect(sizes).toEqual([8, 9, 9, 4]);
  });

  it('run in the child that replaces a lost one', async () => {
    await withCompiled(engine, await compiled({ preset: 'dent' }, true), async (filled) => {
      const before = await filled.run(images(3), 2);
      await filled.run(images(9), 2);
      for (const pid of engine.pids) process.kill(pid, 'SIGKILL');
      expectClose(await filled.run(images(3), 2), before);
      expect((await filled.run(images(9), 2)).logits.dims).toEqual([9, 5]);
    });
  });
});

it('batches are filled up by themselves where the hardware needs it', async () => {
  const [cpu, cuda] = (['cpu', 'cuda'] as const).map((device) =>
    createEngine({ device, threads: 1, runTimeoutMs: 1_000 }),
  );
  expect([cpu!.fillsBatches, cuda!.fillsBatches]).toEqual([false, true]);
  await Promise.all([cpu!.close(), cuda!.close()]);
});

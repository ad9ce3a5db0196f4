import { afterEach, describe, expect, it } from 'vitest';
import { batch, graph } from '../../test/fixtures/engine/graphs.ts';
import { int64 } from '../tensor.ts';
import { createAdaptation, createEngine, type Engine } from './index.ts';

const A_MOMENT = 300;

let engine: Engine | undefined;
afterEach(() => engine?.close());

function start(threads: number): Engine {
  engine = createEngine({ device: 'cpu', threads, runTimeoutMs: 60_000 });
  return engine;
}

describe('an engine with more to do than processes', () => {
  it('goes on with the oldest work first, whatever was asked for before', async () => {
    const source = { name: 'slow', model: graph('slow').path };
    const { run } = await start(1).open(source, { sessions: 'every', optimise: true });
    const begun: string[] = [];
    const runOf = (name: string, sinceMs: number) =>
      run({ input: batch(1), steps: int64([], [A_MOMENT]) }, { sinceMs, onBegin: () => begun.push(name) });
    const nowMs = performance.now();
    const runs = [runOf('first', nowMs), runOf('younger', nowMs + 2), runOf('older', nowMs + 1)];
    await Promise.all(runs);
    expect(begun).toEqual(['first', 'older', 'younger']);
  });

  it('gives a batch the processes for which an earlier one has nothing left to do', async () => {
    const slow = await createAdaptation(start(2)).load(graph('slow'));
    const told: string[] = [];
    const runOf = async (name: string, steps: number) => {
      await slow.run(batch(1), steps, (rows) => told.push(`${name} ${rows}`));
    };
    await Promise.all([runOf('earlier', 10 * A_MOMENT), runOf('later', A_MOMENT)]);
    expect(told).toEqual(['earlier 0', 'later 0', 'later 1', 'earlier 1']);
  });
});

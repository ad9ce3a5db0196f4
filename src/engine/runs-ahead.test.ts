import { readFile } from 'node:fs/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { batch, graph, staticLogits } from '../../test/fixtures/engine/graphs.ts';
import { float32, int64 } from '../tensor.ts';
import { createAdaptation, createEngine, type Engine, EngineCrashError } from './index.ts';
import { openGraph } from './open-graph.ts';
import { type EngineChild, forkChild } from './processes/engine-child.ts';
import { createProcessPool, type ProcessPool } from './processes/process-pool.ts';

const CHILD = new URL('../../dist/engine/processes/child.js', import.meta.url);
const FOR_EVER = 1e9;
const A_SECOND = 700;

let engine: Engine | undefined;
afterEach(() => engine?.close());

function start(runTimeoutMs = 60_000) {
  engine = createEngine({ device: 'cpu', threads: 1, runTimeoutMs, givesAhead: true });
  return { engine, load: createAdaptation(engine).load };
}

/** `pool`, whose children tell the kinds of what they are asked. */
function telling(pool: ProcessPool, tell: (kind: string) => void): ProcessPool {
  const children = new WeakMap<EngineChild, EngineChild>();
  function tellingChild(child: EngineChild): EngineChild {
    const known = children.get(child) ?? {
      ...child,
      request: (request, limitMs, onBegin) => {
        tell(request.kind);
        return child.request(request, limitMs, onBegin);
      },
    };
    children.set(child, known);
    return known;
  }
  return {
    ...pool,
    submit: (job) => pool.submit({ ...job, work: (child, place) => job.work(tellingChild(child), place) }),
  };
}

/** Bytes that a process has read in its life, as Linux counts them. */
async function bytesRead(pid: number): Promise<number> {
  return Number(/^rchar: (\d+)$/m.exec(await readFile(`/proc/${pid}/io`, 'utf8'))![1]);
}

describe('a child that is given the next run while it works on one', () => {
  it('has read its feeds when it comes to it', async () => {
    const child = forkChild({ module: CHILD, env: {}, requests: 2 });
    await child.ready;
    const open = { kind: 'open', id: 1, name: 'slow', optimise: true, device: 'cpu', threads: 1 } as const;
    await child.request({ ...open, model: graph('slow').path }, 20_000);
    const run = (rows: number, steps: number) => {
      const feeds = { input: batch(rows), steps: int64([], [steps]) };
      return child.request({ kind: 'run', id: 1, feeds }, 60_000);
    };
    const answered: string[] = [];
    const first = run(1, 3 * A_SECOND).then(() => answered.push('first'));
    const before = await bytesRead(child.pid!);
    const rows = 20_000;
    const second = run(rows, 0).then(({ logits }) => answered.push(`${logits!.dims[0]} rows`));
    await expect
      .poll(() => bytesRead(child.pid!), { timeout: 60_000, interval: 5 })
      .toBeGreaterThan(before + rows * 192);
    expect(answered).toEqual([]);
    await Promise.all([first, second]);
    expect(answered).toEqual(['first', `${rows} rows`]);
    await child.end();
    expect(await child.ended).toMatchObject({ kind: 'closed' });
  });

  it('answers each call with its own rows, in order', async () => {
    const { load } = start();
    const [rows, whole] = await Promise.all([load(graph('rows')), load(graph('rows-sigma', false))]);
    const ended: number[] = [];
    const calls = Array.from({ length: 30 }, async (_, i) => {
      const input = batch(1 + ((i * 13) % 40));
      const { staticLogits: found } = await (i % 3 === 0 ? whole : rows).run(input, i);
      ended.push(i);
      const wrong = staticLogits(input).filter((logit, j) => Math.abs(logit - found.data[j]!) > 1e-4);
      expect(wrong).toEqual([]);
    });
    await Promise.all(calls);
    expect(ended).toHaveLength(30);
  });

  it('takes the feeds of the next run after a run that failed', async () => {
    const { load } = start();
    const rows = await load(graph('rows'));
    const [bad, good] = await Promise.allSettled([
      rows.run(float32([2, 4, 3, 4], new Float32Array(96)), 1),
      rows.run(batch(5), 1),
    ]);
    expect(bad.status).toBe('rejected');
    expect(good).toMatchObject({ status: 'fulfilled', value: { logits: { dims: [5, 5] } } });
  });

  it('that is killed for one run does not cost the other an attempt', async () => {
    const { load } = start(1_500);
    const [slow, rows] = await Promise.all([load(graph('slow', false)), load(graph('rows', false))]);
    const hung = [1, 2].map(() => slow.run(batch(1), FOR_EVER).catch((error: unknown) => error));
    const beside = [1, 2, 3].map(() => rows.run(batch(3), 1));
    for (const { logits } of await Promise.all(beside)) expect(logits.dims).toEqual([3, 5]);
    for (const error of await Promise.all(hung)) expect(error).toBeInstanceOf(EngineCrashError);
  });

  it('is replaced with what it was given when it dies', async () => {
    const { engine: own, load } = start();
    const slow = await load(graph('slow', false));
    const calls = [1, 2, 3].map((rows) => slow.run(batch(rows), A_SECOND));
    const [pid] = own.pids;
    process.kill(pid!, 'SIGKILL');
    expect((await Promise.all(calls)).map(({ logits }) => logits.dims[0])).toEqual([1, 2, 3]);
  });

  it('is given two of the jobs that waited for it to start', async () => {
    const pool = createProcessPool({ size: 1, module: CHILD, jobsEach: 2 });
    let begun = 0;
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const work = async () => {
      begun += 1;
      await held;
    };
    const jobs = [1, 2, 3].map((number) => pool.submit({ name: `Job ${number}`, work }));
    await expect.poll(() => begun, { timeout: 30_000 }).toBe(2);
    release();
    await Promise.all(jobs);
    await pool.close();
  });

  it('opens a graph once where it replaces another and two runs need the graph', async () => {
    const pool = createProcessPool({ size: 1, module: CHILD, jobsEach: 2 });
    const asked: string[] = [];
    const opened = () => asked.filter((kind) => kind === 'open').length;
    const tells = telling(pool, (kind) => asked.push(kind));
    const source = { name: 'rows', model: graph('rows').path };
    const inside = { id: 1, device: 'cpu', threads: 1, runTimeoutMs: 60_000 } as const;
    const rows = await openGraph(tells, source, { sessions: 'first', optimise: true }, inside);
    const run = () => rows.run({ input: batch(2), steps: int64([], [1]) });
    process.kill(pool.pids[0]!, 'SIGKILL');
    const first = run();
    await expect.poll(opened, { interval: 1 }).toBe(2);
    await Promise.all([first, run()]);
    expect(opened()).toBe(2);
    await pool.close();
  });

  it('ends with the engine, also while its thread waits for feeds', async () => {
    const { engine: own, load } = start();
    await (await load(graph('rows'))).run(batch(3), 1);
    const [pid] = own.pids;
    await own.close();
    await expect(readFile(`/proc/${pid}/stat`)).rejects.toThrow('ENOENT');
  });
});

import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { batch, graph, staticLogits } from '../../test/fixtures/engine/graphs.ts';
import {
  createAdaptation,
  createEngine,
  type Engine,
  EngineCrashError,
  type EngineObserver,
} from './index.ts';
import { createProcessPool } from './processes/process-pool.ts';

const fixture = (file: string) => new URL(`../../test/fixtures/engine/${file}`, import.meta.url);
/** Steps of the slow graph that take about a second, and a time after which its run is surely under way. */
const A_SECOND = 700;
const UNDER_WAY_MS = 300;
const FOR_EVER = 1e9;

let engine: Engine | undefined;
afterEach(() => engine?.close());

function start(options: { threads?: number; runTimeoutMs?: number; log?: EngineObserver } = {}): Engine {
  engine = createEngine({ device: 'cpu', threads: 2, runTimeoutMs: 20_000, ...options });
  return engine;
}

/** Linux lists a process until it has ended and its parent has asked for its exit code. */
async function lives(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return status !== undefined && !/\) [ZX] /.test(status);
}

/** Clock ticks, 1/100 s each, that a process has computed for. */
async function cpuTicks(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const [, user = '0', system = '0'] = /\) (?:\S+ ){11}(\d+) (\d+)/.exec(status) ?? [];
  return Number(user) + Number(system);
}

/**
 * Resolves when a child has surely begun a long run: it has computed for longer than starting and opening
 * take.
 */
async function busy(pid: number): Promise<void> {
  const START_TICKS = 60;
  const before = await cpuTicks(pid);
  while ((await cpuTicks(pid)) - before < START_TICKS) await pause(20);
}

async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'engine-'));
  try {
    await test(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('a child that dies', () => {
  it('under a run is replaced, and the call succeeds', async () => {
    const exits: string[] = [];
    const { load, pids } = engineWithLog({
      onChildExit: ({ reason, kind }) => exits.push(`${reason}: ${kind}`),
    });
    const slow = await load(graph('slow'));
    const [first, second] = pids();
    const call = slow.run(batch(20), A_SECOND);
    await pause(UNDER_WAY_MS);
    process.kill(second!, 'SIGKILL');
    expect((await call).logits.dims).toEqual([20, 5]);
    expect(exits).toEqual(['was killed by SIGKILL: crash']);
    expect(pids()).toHaveLength(2);
    expect(pids()).toContain(first);
    expect(pids()).not.toContain(second);
    const next = await Promise.all([1, 2, 3].map(() => slow.run(batch(20), 1)));
    expect(next.map(({ logits }) => logits.dims[0])).toEqual([20, 20, 20]);
  });

  it('while its rows are on their way is replaced, and the call succeeds', async () => {
    const { load, pids } = engineWithLog({}, 1);
    const rows = await load(graph('rows', false));
    const [pid] = pids();
    // While it is stopped it takes no more than fits into the pipe.
    process.kill(pid!, 'SIGSTOP');
    const call = rows.run(batch(50_000), 1);
    await pause(UNDER_WAY_MS);
    process.kill(pid!, 'SIGKILL');
    const { data } = (await call).staticLogits;
    const wrong = staticLogits(batch(50_000)).filter((logit, i) => Math.abs(logit - data[i]!) > 1e-5);
    expect(data).toHaveLength(250_000);
    expect(wrong).toHaveLength(0);
  });

  it('while idle is replaced before the next call', async () => {
    const { load, pids } = engineWithLog({});
    const [split, whole] = await Promise.all([load(graph('rows')), load(graph('rows', false))]);
    const before = pids();
    for (const pid of before) process.kill(pid, 'SIGKILL');
    const answers = await Promise.all([split.run(batch(20), 1), whole.run(batch(20), 1)]);
    expect(answers[0]).toEqual(answers[1]);
    expect(pids().filter((pid) => before.includes(pid))).toEqual([]);
  });

  it('under a call that outlives its release leaves the sessions of the others open for it', async () => {
    await inFolder(async (folder) => {
      const path = join(folder, 'slow.onnx');
      await copyFile(graph('slow').path, path);
      const { load, pids } = engineWithLog({});
      const slow = await load({ ...graph('slow'), path });
      const call = slow.run(batch(1), A_SECOND);
      const released = slow.release();
      await rm(path);
      await pause(UNDER_WAY_MS);
      process.kill(pids()[1]!, 'SIGKILL');
      expect((await call).logits.dims).toEqual([1, 5]);
      await released;
    });
  });

  it('twice under one call rejects it, and the next call succeeds', async () => {
    let lethal = false;
    const { load, pids } = engineWithLog(
      {
        onChildStart: ({ pid }) => {
          if (lethal) void busy(pid).then(() => process.kill(pid, 'SIGKILL'));
        },
      },
      1,
    );
    const slow = await load(graph('slow', false));
    lethal = true;
    const call = slow.run(batch(2), FOR_EVER);
    await busy(pids()[0]!);
    process.kill(pids()[0]!, 'SIGKILL');
    await expect(call).rejects.toThrow(
      new EngineCrashError('"slow" was given up after 2 attempts: its process was killed by SIGKILL.'),
    );
    lethal = false;
    expect((await slow.run(batch(2), 1)).logits.dims).toEqual([2, 5]);
  });

  function engineWithLog(log: Partial<EngineObserver>, threads = 2) {
    const created = start({ threads, log: { onChildStart: () => {}, onChildExit: () => {}, ...log } });
    return { load: createAdaptation(created).load, pids: () => created.pids };
  }
});

describe('a child that hangs', () => {
  it('is killed at the run limit; the rest of the call is dropped and others are served', async () => {
    const kinds: string[] = [];
    const onChildExit: EngineObserver['onChildExit'] = ({ kind }) => kinds.push(kind);
    const created = start({ threads: 1, runTimeoutMs: 400, log: { onChildStart: () => {}, onChildExit } });
    const slow = await createAdaptation(created).load(graph('slow'));
    const call = slow.run(batch(64), FOR_EVER);
    const next = slow.run(batch(2), 1);
    await expect(call).rejects.toThrow(
      new EngineCrashError('"slow" was given up after 2 attempts: its process took longer than 400 ms.'),
    );
    expect((await next).logits.dims).toEqual([2, 5]);
    // The call had four parts, all before the next call's. If the others had run, each would have lost two
    // children.
    expect(kinds).toEqual(['timeout', 'timeout']);
  });
});

describe('children that do not start', () => {
  const cure = 'DENT_TEST_CURE';

  it('reject the calls that wait, and serve again once they start', async () => {
    await inFolder(async (folder) => {
      process.env[cure] = join(folder, 'cure');
      let starts = 0;
      const pool = createProcessPool({
        size: 1,
        module: fixture('sick-child.mjs'),
        log: { onChildStart: () => (starts += 1), onChildExit: () => {} },
      });
      try {
        const pid = () => pool.submit({ name: 'The job', work: async (child) => child.pid });
        const refusal = new EngineCrashError('The job cannot run: each new process exited with code 3.');
        await expect(pid()).rejects.toThrow(refusal);
        expect(starts).toBe(5);
        await expect(pid()).rejects.toThrow(refusal);
        await writeFile(process.env[cure], '');
        await expect.poll(() => pid().catch(() => undefined), { timeout: 60_000 }).toBeDefined();
      } finally {
        await pool.close();
        delete process.env[cure];
      }
    });
  });

  it('because no file can be opened are tried again, and leave the parent alive', async () => {
    const script = fileURLToPath(fixture('without-files.mjs'));
    const limited = ['-c', 'ulimit -n 400; exec "$0" "$1"', process.execPath, script];
    const { stdout } = await promisify(execFile)('sh', limited);
    const reason = expect.stringMatching(/^could not be started \(.*EMFILE\)$/);
    expect(JSON.parse(stdout)).toEqual({ reason, served: true });
  });
});

describe('two children', () => {
  it('run the parts of one call at the same time and leave the event loop free', async () => {
    const created = start();
    const slow = await createAdaptation(created).load(graph('slow'));
    let turns = 0;
    const ticks = setInterval(() => (turns += 1), 5);
    const call = slow.run(batch(20), FOR_EVER);
    const ended = expect(call).rejects.toThrow('The engine is closed.');
    // Neither part ever ends, so both children are at work at the same time.
    await Promise.all(created.pids.map(busy));
    expect(turns).toBeGreaterThan(0);
    clearInterval(ticks);
    await created.close();
    await ended;
  });

  it('of one child answers calls in the order they were made', async () => {
    const slow = await createAdaptation(start({ threads: 1 })).load(graph('slow'));
    const order: string[] = [];
    const call = async (name: string, size: number, steps: number) => {
      await slow.run(batch(size), steps);
      order.push(name);
    };
    await Promise.all([call('large', 64, 20), call('small', 1, 1), call('middle', 20, 1)]);
    expect(order).toEqual(['large', 'small', 'middle']);
  });
});

describe('close', () => {
  it('rejects calls in flight and waiting at once, ends the children and may be repeated', async () => {
    const created = start();
    const slow = await createAdaptation(created).load(graph('slow'));
    const { pids } = created;
    const calls = Promise.allSettled([slow.run(batch(20), FOR_EVER), slow.run(batch(20), FOR_EVER)]);
    await pause(UNDER_WAY_MS);
    // The runs would take for ever.
    await Promise.all([created.close(), created.close()]);
    for (const outcome of await calls) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: new Error('The engine is closed.') });
    }
    expect(created.pids).toEqual([]);
    expect(await Promise.all(pids.map(lives))).toEqual([false, false]);
    await expect(slow.run(batch(1), 1)).rejects.toThrow('The engine is closed.');
    await expect(createAdaptation(created).load(graph('rows'))).rejects.toThrow('The engine is closed.');
    await slow.release();
  });

  it('ends children that are only starting', async () => {
    const created = start();
    const loading = expect(createAdaptation(created).load(graph('rows'))).rejects.toThrow(
      'The engine is closed.',
    );
    await created.close();
    await loading;
    expect(created.pids).toEqual([]);
  });
});

describe('signals', () => {
  it('to the process group leave the children alone', async () => {
    const created = start();
    const rows = await createAdaptation(created).load(graph('rows'));
    const { pids } = created;
    for (const pid of pids) for (const signal of ['SIGINT', 'SIGTERM']) process.kill(pid, signal);
    await rows.run(batch(20), 1);
    expect(created.pids).toEqual(pids);
  });
});

describe('the death of the parent', () => {
  it('ends its children, a busy one after its run', async () => {
    const parent = fork(fixture('parent.mjs'), [graph('slow').path], {
      execArgv: ['--inspect=0'],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const [pids] = (await once(parent, 'message')) as [number[]];
    expect(pids).toHaveLength(2);
    for (const pid of pids) expect(await readFile(`/proc/${pid}/cmdline`, 'utf8')).not.toContain('inspect');
    parent.kill('SIGKILL');
    await expect.poll(() => Promise.all(pids.map(lives)), { timeout: 60_000 }).toEqual([false, false]);
  });
});

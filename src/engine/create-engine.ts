import type { Device, Engine, GraphSource, OpenGraph, OpenOptions, Probe } from './engine.ts';
import { openGraph } from './open-graph.ts';
import { asProbe, PROBED, PROBING } from './probe.ts';
import type { EngineObserver } from './processes/place.ts';
import { createProcessPool, type ProcessPool } from './processes/process-pool.ts';

export interface EngineOptions {
  readonly device: Device;
  /** Cores to use: this many child processes on the CPU, or one child with this many threads beside CUDA. */
  readonly threads: number;
  /** The longest that one run in a child may take. */
  readonly runTimeoutMs: number;
  /**
   * Whether batches are filled up to a few sizes. By default on a GPU: there ONNX Runtime prepares every
   * convolution again where the number of rows has changed, for 0.3 s each time.
   */
  readonly fillsBatches?: boolean;
  /**
   * Whether a child is given the next run while it works on one, so that the hardware need not wait for its
   * feeds. By default on a GPU. On a CPU the copying would take the time from the cores that compute.
   */
  readonly givesAhead?: boolean;
  readonly log?: EngineObserver;
}

// This names the compiled file, both from src/ (where vitest runs the sources) and from dist/: Node 20 cannot
// run TypeScript. `npm test` builds before it tests.
const CHILD = new URL('../../dist/engine/processes/child.js', import.meta.url);

/** Whether the CUDA libraries may use TF32 is a matter of the whole process, read when it starts. */
const NO_TF32 = { NVIDIA_TF32_OVERRIDE: '0' };

/**
 * Starts the engine's child processes at once; `close()` ends them, and so does the death of this process.
 * Where a graph may use TF32 on a GPU, one more child starts with the first such graph.
 */
export function createEngine(engineOptions: EngineOptions): Engine {
  const { device, threads, runTimeoutMs, log } = engineOptions;
  const isCpu = device === 'cpu';
  const jobsEach = (engineOptions.givesAhead ?? !isCpu) ? 2 : 1;
  const options = { size: isCpu ? threads : 1, module: CHILD, jobsEach, ...(log && { log }) } as const;
  const exact = createProcessPool(isCpu ? options : { ...options, env: NO_TF32 });
  let tf32: ProcessPool | undefined;
  let closed = false;
  let graphs = 0;

  function poolFor({ tf32: mayUse = false }: OpenOptions): ProcessPool {
    if (isCpu || !mayUse || closed) return exact;
    tf32 ??= createProcessPool(options);
    return tf32;
  }

  async function open(source: GraphSource, how: OpenOptions): Promise<OpenGraph> {
    graphs += 1;
    return openGraph(poolFor(how), source, how, { id: graphs, device, threads, runTimeoutMs });
  }

  const probe = async (model: Uint8Array): Promise<Probe> =>
    asProbe(await open({ name: PROBED, model }, PROBING));

  return {
    device,
    fillsBatches: engineOptions.fillsBatches ?? !isCpu,
    open,
    probe,
    async evaluate(model, feeds) {
      const { run, release } = await probe(model);
      return run(feeds).finally(release);
    },
    get pids() {
      return [...exact.pids, ...(tf32?.pids ?? [])];
    },
    async close() {
      closed = true;
      await Promise.all([exact.close(), tf32?.close()]);
    },
  };
}

import type { Device, Engine, GraphSource, OpenGraph, OpenOptions, Probe } from './engine.ts';
import { openGraph } from './open-graph.ts';
import { asProbe, PROBED, PROBING } from './probe.ts';
import type { EngineObserver } from './processes/place.ts';
import { createProcessPool } from './processes/process-pool.ts';

export interface EngineOptions {
  readonly device: Device;
  /** Cores to use: this many child processes on the CPU, or one child with this many threads beside CUDA. */
  readonly threads: number;
  /** The longest that one run in a child may take. */
  readonly runTimeoutMs: number;
  readonly log?: EngineObserver;
}

// This names the compiled file, both from src/ (where vitest runs the sources) and from dist/: Node 20 cannot
// run TypeScript. `npm test` builds before it tests.
const CHILD = new URL('../../dist/engine/processes/child.js', import.meta.url);

/**
 * Starts the engine's child processes at once. `close()` ends them, and so does the death of this process.
 */
export function createEngine({ device, threads, runTimeoutMs, log }: EngineOptions): Engine {
  const size = device === 'cpu' ? threads : 1;
  const pool = createProcessPool({ size, module: CHILD, ...(log && { log }) });
  let graphs = 0;

  async function open(source: GraphSource, options: OpenOptions): Promise<OpenGraph> {
    graphs += 1;
    return openGraph(pool, source, options, { id: graphs, device, threads, runTimeoutMs });
  }

  const probe = async (model: Uint8Array): Promise<Probe> =>
    asProbe(await open({ name: PROBED, model }, PROBING));

  return {
    device,
    open,
    probe,
    async evaluate(model, feeds) {
      const { run, release } = await probe(model);
      return run(feeds).finally(release);
    },
    get pids() {
      return pool.pids;
    },
    close() {
      return pool.close();
    },
  };
}

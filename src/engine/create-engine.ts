import type { Device, Engine } from './engine.ts';
import { OPEN_LIMIT_MS, openArtifact } from './open-artifact.ts';
import type { EngineObserver } from './place.ts';
import { createProcessPool } from './process-pool.ts';

export interface EngineOptions {
  readonly device: Device;
  /** Cores to use: so many child processes on the CPU; one child with so many threads beside CUDA. */
  readonly threads: number;
  /** The longest that one run in a child may take, for a part of a batch that is cut or the whole of another. */
  readonly runTimeoutMs: number;
  readonly log?: EngineObserver;
}

// Seen from src/ (where vitest runs the sources) and from dist/ alike this is the compiled file: Node 20 cannot run
// TypeScript. `npm test` builds before it tests.
const CHILD = new URL('../../dist/engine/child.js', import.meta.url);

/** Starts the engine's child processes at once; `close()` ends them, and so does the death of this process. */
export function createEngine({ device, threads, runTimeoutMs, log }: EngineOptions): Engine {
  const size = device === 'cpu' ? threads : 1;
  const pool = createProcessPool({ size, module: CHILD, ...(log && { log }) });
  let artifacts = 0;
  return {
    async load(artifact) {
      artifacts += 1;
      return openArtifact(pool, artifact, { id: artifacts, device, threads, runTimeoutMs });
    },
    async evaluate(model, feeds) {
      return pool.submit({
        name: 'The model',
        work: (child) => child.request({ kind: 'evaluate', model, feeds }, OPEN_LIMIT_MS + runTimeoutMs),
      });
    },
    get pids() {
      return pool.pids;
    },
    close() {
      return pool.close();
    },
  };
}

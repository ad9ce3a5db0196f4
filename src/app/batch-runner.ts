import type { FastifyBaseLogger } from 'fastify';
import type { BatchHandler, ConsumeOptions } from '../batching/batch-queue.ts';
import { isolateFailures } from '../batching/index.ts';
import type { Config } from '../config.ts';
import { createAdaptation, createEngine, type Engine } from '../engine/index.ts';
import { createBatchRun, holdVersions } from '../inference/index.ts';
import type { Metrics } from '../metrics/index.ts';
import {
  createArtifactCache,
  type IsAwaited,
  type ModelRepository,
  openModelRepository,
} from '../models/index.ts';
import { logBatches } from './observers/batch-log.ts';
import { observeModels } from './observers/observe-models.ts';
import { compileInThread } from './threads/compile-in-thread.ts';

/** The parts of a process that runs batches itself. */
export interface BatchRunner {
  readonly models: ModelRepository;
  readonly handler: BatchHandler;
  /** How it wants batches. */
  readonly consuming: ConsumeOptions;
  readonly engine: Engine;
  /** Kills no run: let the runs end before you call it. Idempotent. */
  close(): Promise<void>;
}

export interface BatchRunnerOptions {
  /** Whether rows of a content that is not served any more may still come to be run. Never rejects. */
  readonly isAwaited: IsAwaited;
  /** Called when there is another version that this process can run. */
  readonly onReady?: () => void;
}

function startEngine(
  { threads, runTimeoutMs, device }: Config,
  metrics: Metrics,
  log: FastifyBaseLogger,
): Engine {
  return createEngine({
    device,
    threads,
    runTimeoutMs,
    log: {
      onChildStart: ({ pid }) => log.debug({ pid }, `engine process ${pid} has started`),
      onChildExit({ pid, reason, kind }) {
        if (kind === 'closed') {
          log.debug({ pid }, `engine process ${pid} ${reason}`);
          return;
        }
        metrics.engine.lost(kind);
        log.warn({ pid, reason }, `engine process ${pid} ${reason}; another takes its place`);
      },
    },
  });
}

/** The options of a repository, from `config`. */
export const repositoryOptions = ({ models: root, cacheDir, defaultModel, repositoryPollMs }: Config) => ({
  root,
  cacheDir,
  pollMs: repositoryPollMs,
  ...(defaultModel !== undefined && { defaultModel }),
});

/**
 * Starts an engine and opens the models for it, none of which is loaded yet. Rejects with `InputError` where
 * the repository is at fault.
 */
export async function openBatchRunner(
  config: Config,
  metrics: Metrics,
  log: FastifyBaseLogger,
  { isAwaited, onReady }: BatchRunnerOptions,
): Promise<BatchRunner> {
  const { cacheDir, device } = config;
  const engine = startEngine(config, metrics, log);
  try {
    const cache = createArtifactCache(
      { compile: compileInThread, runner: engine },
      { dir: cacheDir, device, fillsBatches: engine.fillsBatches },
    );
    const observer = observeModels(metrics, log, onReady);
    const onRestoring = (graph: string, reason: string): void =>
      log.warn({ graph, reason }, `the compiled graph ${graph} has gone from the cache; it is made anew`);
    const models = await openModelRepository(
      { adaptation: createAdaptation(engine), cache, onRestoring, observer, isAwaited },
      repositoryOptions(config),
    );
    const run = createBatchRun({ ...metrics.inference, ran: logBatches(log) });
    return {
      models,
      handler: holdVersions(models, (batch, version) => isolateFailures((part) => run(part, version))(batch)),
      // Rows that come meanwhile gather for a larger next batch. Where that is full already, it is prepared,
      // and gets the processes that have nothing left to do for the first.
      consuming: { concurrency: 1, ahead: 1 },
      engine,
      async close() {
        await models.close();
        await engine.close();
      },
    };
  } catch (error) {
    await engine.close();
    throw error;
  }
}

import type { FastifyBaseLogger } from 'fastify';
import { ServiceError } from '../errors.ts';
import { type ModelRepository, readyVersions } from '../models/index.ts';
import type { DescribedVersion } from '../models/model.ts';

const LOOK_MS = 1_000;
/** Replacing a worker takes less time than this. */
const GRACE_MS = 5_000;

/** Whether any worker runs the rows in the queue. */
export interface WorkerWatch {
  /** One sentence for each model without a worker. */
  warnings(): string[];
  /** One sentence where no model has had a worker for too long. */
  reasons(): string[];
  /** The error for images then. */
  refusal(): ServiceError | undefined;
  close(): void;
}

export interface WorkerWatchDeps {
  readonly models: Pick<ModelRepository<DescribedVersion>, 'models'>;
  /** Rejects where that cannot be told at present. */
  readonly hasWorker: (content: string) => Promise<boolean>;
  readonly log: Pick<FastifyBaseLogger, 'warn' | 'info'>;
}

/** Looks once a second. `noWorkerMs`: how long without any worker is too long; 0 for never. */
export function watchWorkers(
  { models, hasWorker, log }: WorkerWatchDeps,
  { noWorkerMs }: { readonly noWorkerMs: number },
): WorkerWatch {
  /** By `name:version`: since when no worker has it, and whether that was logged. */
  const missing = new Map<string, { readonly sinceMs: number; logged: boolean }>();
  let served: string[] = [];

  const sentence = (name: string): string =>
    `No worker has the model "${name}" as it is served here: its images wait until their deadline. Start workers with the same repository and Redis.`;

  function judge(name: string, has: boolean): void {
    const known = missing.get(name);
    if (has) {
      missing.delete(name);
      if (known?.logged) log.info({ model: name }, `a worker has ${name} now`);
    } else if (!known) missing.set(name, { sinceMs: performance.now(), logged: false });
    else if (!known.logged && performance.now() - known.sinceMs >= GRACE_MS) {
      known.logged = true;
      log.warn({ model: name }, sentence(name));
    }
  }

  async function look(): Promise<void> {
    const versions = readyVersions(models).map(({ name, version, content }) => ({
      name: `${name}:${version}`,
      content,
    }));
    served = versions.map(({ name }) => name);
    for (const name of missing.keys()) if (!served.includes(name)) missing.delete(name);
    try {
      for (const { name, content } of versions) judge(name, await hasWorker(content));
    } catch {
      // Redis cannot be reached, and that is reported elsewhere.
    }
  }

  const missedFor = (name: string, ms: number): boolean => {
    const since = missing.get(name)?.sinceMs;
    return since !== undefined && performance.now() - since >= ms;
  };
  const isTooLong = (): boolean =>
    noWorkerMs > 0 && served.length > 0 && served.every((name) => missedFor(name, noWorkerMs));

  const timer = setInterval(() => void look(), LOOK_MS).unref();
  return {
    warnings: () => served.filter((name) => missedFor(name, GRACE_MS)).map(sentence),
    reasons: () =>
      isTooLong()
        ? [
            `No worker has had any model for ${noWorkerMs / 1000} s (DENT_NO_WORKER_MS). Start workers with the same repository and Redis.`,
          ]
        : [],
    refusal: () =>
      isTooLong()
        ? new ServiceError('not_ready', 'No worker is there to run the model; send the image again later.', {
            retryAfterSeconds: 5,
          })
        : undefined,
    close: () => clearInterval(timer),
  };
}

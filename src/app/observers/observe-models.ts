import type { FastifyBaseLogger } from 'fastify';
import { type Reading, readingLines } from '../../dent/index.ts';
import { InputError } from '../../errors.ts';
import type { Metrics } from '../../metrics/index.ts';
import { otherCalibrations, type RepositoryObserver } from '../../models/index.ts';

/**
 * Counts what happens to versions, and tells the operator. `onReady` is called when another version can be
 * used.
 */
export function observeModels(
  metrics: Metrics,
  log: FastifyBaseLogger,
  onReady: () => void = () => {},
): RepositoryObserver {
  function tellReading(model: string, version: number, reading: Reading): void {
    const { warnings, ...taken } = reading;
    const lines = readingLines(reading).join('; ');
    log.info({ model, version, reading: taken }, `${model}:${version} ${lines}`);
    for (const warning of warnings) log.warn({ model, version }, `${model}:${version}: ${warning}`);
  }

  return {
    loading(model, version) {
      log.info({ model, version }, `loading ${model}:${version}`);
    },
    ready(served, seconds) {
      metrics.models.loaded(served);
      const { name: model, version, sha256, reading } = served;
      log.info(
        { model, version, sha256, seconds },
        `${model}:${version} serves, after ${seconds.toFixed(1)} s`,
      );
      if (reading) tellReading(served.name, version, reading);
      for (const warning of otherCalibrations(served))
        log.warn({ model, version }, `${model}:${version}: ${warning}`);
      onReady();
    },
    failed(model, version, error) {
      if (model !== undefined) metrics.models.failed();
      // A person mends an InputError by its sentence. Any other error needs its stack.
      if (error instanceof InputError) log.error({ model, version }, error.message);
      else log.error({ err: error, model, version }, 'a model could not be loaded');
    },
    passedOver({ path, reason }) {
      log.warn(`${path}: ${reason}`);
    },
    removed(model, version) {
      metrics.models.unloaded({ name: model, version });
      log.info({ model, version }, `${model}:${version} is not served any more`);
    },
    released({ name: model, version, sha256 }) {
      log.info({ model, version, sha256 }, `${model}:${version} has answered its last image and is released`);
    },
  };
}

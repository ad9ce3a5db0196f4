import type { FastifyBaseLogger } from 'fastify';
import { type Reading, readingLines } from '../../dent/index.ts';
import { InputError } from '../../errors.ts';
import type { Metrics } from '../../metrics/index.ts';
import { otherCalibrations, type RepositoryObserver } from '../../models/index.ts';

const nameOf = (model: string | undefined, version: number | undefined): string =>
  [model ?? 'a model', version].filter((part) => part !== undefined).join(':');

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

  /** Versions whose files are being opened. One that is open already only gets another manifest. */
  const opening = new Set<string>();

  return {
    loading(model, version) {
      opening.add(`${model}:${version}`);
      log.info({ model, version }, `loading ${model}:${version}`);
    },
    ready(served, seconds) {
      metrics.models.loaded(served);
      const { name: model, version, sha256, reading } = served;
      const name = `${model}:${version}`;
      if (opening.delete(name)) {
        log.info({ model, version, sha256, seconds }, `${name} serves, after ${seconds.toFixed(1)} s`);
        if (reading) tellReading(served.name, version, reading);
      } else log.info({ model, version, sha256 }, `${name} goes on, with its manifest as it is now`);
      for (const warning of otherCalibrations(served)) log.warn({ model, version }, `${name}: ${warning}`);
      onReady();
    },
    failed(model, version, error) {
      if (model !== undefined) metrics.models.failed();
      opening.delete(`${model}:${version}`);
      // A person mends an InputError by its sentence. Any other error needs its stack.
      if (error instanceof InputError) log.error({ model, version }, error.message);
      else log.error({ err: error, model, version }, `${nameOf(model, version)} could not be loaded`);
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

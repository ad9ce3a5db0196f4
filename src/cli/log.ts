import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino';
import { type Config, unknownVariables } from '../config.ts';
import { standardOutput } from './standard-output.ts';

/**
 * Nothing logs headers today. If something ever logs a request, or an error that holds one, this keeps keys
 * out of it.
 */
const SECRETS = ['', '*.', '*.*.'].flatMap((place) => [
  `${place}headers.authorization`,
  `${place}headers["x-api-key"]`,
]);

/** A log of one JSON object per line, on the standard output by default. */
export function createLog({ logLevel }: Pick<Config, 'logLevel'>, to?: DestinationStream): Logger {
  const log: Logger = pino(
    {
      redact: SECRETS,
      level: logLevel,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
    },
    to ??
      standardOutput((lines) =>
        log.warn({ lines }, `${lines} lines of the log are lost: it was not read, or its disk was full`),
      ),
  );
  return log;
}

/** A misspelt variable would go unnoticed otherwise. */
export function warnOfUnknownVariables(log: Logger): void {
  for (const name of unknownVariables()) {
    log.warn(`${name} is set but is no setting, so it is ignored; docs/configuration.md lists the settings`);
  }
}

import type { Config } from '../../config.ts';

/**
 * The settings of one of several API processes: limits on all requests together are divided. An upload of the
 * largest size that is allowed still fits in each.
 */
export function shareOf(config: Config): Config {
  const { processes, maxConnections, maxUploadBytes, maxBodyBytes } = config;
  const least = Math.min(maxUploadBytes, 2 * maxBodyBytes);
  return {
    ...config,
    maxConnections: Math.max(1, Math.floor(maxConnections / processes)),
    maxUploadBytes: Math.max(least, Math.floor(maxUploadBytes / processes)),
  };
}

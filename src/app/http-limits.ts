import { readFile } from 'node:fs/promises';
import type { FastifyBaseLogger } from 'fastify';
import type { Config } from '../config.ts';
import type { HttpLimits } from '../http/index.ts';

/** Files that the process opens besides connections: models, images, Redis, the engine's pipes. */
const OTHER_FILES = 256;

/** How many files the process may open; Node has raised the soft limit to the hard one. */
async function openFiles(): Promise<number> {
  const text = await readFile('/proc/self/limits', 'utf8').catch(() => '');
  return Number(text.match(/^Max open files +(\d+)/m)?.[1] ?? Number.POSITIVE_INFINITY);
}

/**
 * The limits on all requests together. Fewer connections than configured where the process may not open that
 * many files.
 */
export async function httpLimits(
  { maxBodyBytes, maxUploadBytes, maxConnections, requestTimeoutMs }: Config,
  log: FastifyBaseLogger,
): Promise<HttpLimits> {
  const possible = Math.max(1, (await openFiles()) - OTHER_FILES);
  if (possible < maxConnections) {
    log.warn(`at most ${possible} connections: the limit of open files (ulimit -n) allows no more`);
  }
  const connections = Math.min(maxConnections, possible);
  return { bodyBytes: maxBodyBytes, uploadBytes: maxUploadBytes, requestTimeoutMs, connections };
}

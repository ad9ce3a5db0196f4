import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { loadConfig, parseSetting, settings, unknownVariables, variable } from './config.ts';

afterEach(() => vi.unstubAllEnvs());

it('has a default for every setting', () => {
  expect(loadConfig({})).toEqual({
    port: 8080,
    host: '127.0.0.1',
    page: 'on',
    models: 'models',
    repositoryPollMs: 2000,
    processes: 1,
    queue: 'memory',
    redisPrefix: 'dent',
    keepResultsMs: 600_000,
    noWorkerMs: 60_000,
    device: 'cpu',
    threads: availableParallelism(),
    cacheDir: resolve('.cache/dent'),
    logLevel: 'info',
    maxBodyBytes: 10 * 1024 * 1024,
    maxUploadBytes: 256 * 1024 * 1024,
    maxConnections: 4096,
    requestTimeoutMs: 30_000,
    maxPixels: 25_000_000,
    drainDelayMs: 2000,
    closeTimeoutMs: 60_000,
    runTimeoutMs: 60_000,
  });
});

it('finds misspelt variables, and passes over what Kubernetes sets for a Service', () => {
  vi.stubEnv('DENT_THREAD', '2');
  vi.stubEnv('DENT_THREADS', '2');
  vi.stubEnv('DENT_API_SERVICE_HOST', '10.0.0.1');
  vi.stubEnv('DENT_API_SERVICE_PORT_HTTP', '80');
  vi.stubEnv('DENT_API_PORT', 'tcp://10.0.0.1:80');
  vi.stubEnv('DENT_API_PORT_80_TCP_ADDR', '10.0.0.1');
  expect(unknownVariables()).toEqual(['DENT_THREAD']);
});

it('has every setting in docs/configuration.md, with its default', async () => {
  const page = await readFile('docs/configuration.md', 'utf8');
  const rows = [...page.matchAll(/^\| `(DENT_\w+)` \| (.+?) \|/gm)].map(([, name, told]) => [name, told]);
  const known = Object.entries(settings).map(([name, schema]) => [
    variable(name),
    (schema as { default?: unknown }).default,
  ]);
  expect(rows.map(([name]) => name).toSorted()).toEqual(known.map(([name]) => name).toSorted());
  const defaults = new Map(known as [string, unknown][]);
  for (const [name, told] of rows as [string, string][]) {
    // Some defaults are given in words.
    if (/^[\w.]+$/.test(told)) expect([name, told]).toEqual([name, String(defaults.get(name))]);
  }
});

it('reads the environment, and passes over what is set to nothing', () => {
  vi.stubEnv('DENT_PORT', '9000');
  vi.stubEnv('DENT_MAX_BODY_BYTES', '2048');
  vi.stubEnv('DENT_HOST', '');
  expect(loadConfig({})).toMatchObject({ port: 9000, maxBodyBytes: 2048, host: '127.0.0.1' });
});

it('prefers the command line, and takes nothing else from it', () => {
  vi.stubEnv('DENT_PORT', '9000');
  const options = { port: 9001, verbose: true, threads: undefined } as { port: number };
  const config = loadConfig(options);
  expect(config.port).toBe(9001);
  expect(config.threads).toBe(availableParallelism());
  expect(config).not.toHaveProperty('verbose');
});

it('prefers the environment to the defaults of a command, and those to its own', () => {
  expect(loadConfig({}, { port: 8081 }).port).toBe(8081);
  expect(loadConfig({ port: 9001 }, { port: 8081 }).port).toBe(9001);
  vi.stubEnv('DENT_PORT', '9000');
  expect(loadConfig({}, { port: 8081 }).port).toBe(9000);
});

it('keeps compiled models beside the repository unless told otherwise', () => {
  expect(loadConfig({ models: '/srv/models' }).cacheDir).toBe('/srv/.cache/dent');
  vi.stubEnv('DENT_CACHE_DIR', '/var/cache/dent');
  expect(loadConfig({ models: '/srv/models' }).cacheDir).toBe('/var/cache/dent');
});

it.each([
  ['DENT_PORT', 'http', 'DENT_PORT must be a whole number; it is "http".'],
  ['DENT_PORT', '65536', 'DENT_PORT must be at most 65535; it is "65536".'],
  ['DENT_QUEUE', 'kafka', 'DENT_QUEUE must be one of memory, redis; it is "kafka".'],
  ['DENT_THREADS', '0', 'DENT_THREADS must be at least 1; it is "0".'],
  [
    'DENT_OTLP_ENDPOINT',
    'collector:4318',
    'DENT_OTLP_ENDPOINT must be an address that begins with http:// or https://; it is "collector:4318".',
  ],
  [
    'DENT_REDIS_PREFIX',
    'a b',
    'DENT_REDIS_PREFIX must be 1 to 64 of letters, digits, "_", ".", ":" and "-"; it is "a b".',
  ],
  [
    'DENT_LOG_LEVEL',
    'loud',
    'DENT_LOG_LEVEL must be one of silent, fatal, error, warn, info, debug, trace; it is "loud".',
  ],
])('names the variable at fault: %s=%s', (name, value, message) => {
  vi.stubEnv(name, value);
  expect(() => loadConfig({})).toThrow(message);
});

it('parses the value of an option', () => {
  expect(parseSetting('port', '80')).toBe(80);
  expect(parseSetting('host', '::1')).toBe('::1');
  expect(() => parseSetting('port', '-1')).toThrow('The value must be at least 0; it is "-1".');
});

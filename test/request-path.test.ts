import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { type Profiler, Session } from 'node:inspector/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type RunningServer, startServer } from '../src/app/server.ts';
import { loadConfig } from '../src/config.ts';
import { photo, ROOT } from './fixtures/serving/photos.ts';

/**
 * What every request passes, what only listens, and what all rooms use: ARCHITECTURE.md names them as a
 * whole.
 */
const BESIDE = /^(?:http\/server|metrics|app|dent)\/|^(?:errors|spans|tensor)\.ts$|(?:^|\/)index\.ts$/;
/** Readiness is asked for again and again, whatever is requested. */
const READINESS = 'inference/summary.ts';
const CHILD = 'engine/processes/child.ts';

let folder: string;
let server: RunningServer;
const log: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dent-request-path-'));
  // Of the engine's processes, which inherit it: each writes what it ran when it ends.
  process.env.NODE_V8_COVERAGE = join(folder, 'coverage');
  const models = fileURLToPath(new URL('models', ROOT));
  const config = loadConfig({ port: 0, models, cacheDir: folder, threads: 1, repositoryPollMs: 0 });
  server = await startServer(config, pino({ level: 'info' }, { write: (line) => void log.push(line) }));
  await vi.waitFor(() => expect(log.join('')).toContain('"msg":"ready'));
  // What is done once, for the first request.
  await predict();
});
afterAll(async () => {
  delete process.env.NODE_V8_COVERAGE;
  await server.close(0);
  await rm(folder, { recursive: true });
});

async function predict(): Promise<void> {
  const response = await fetch(new URL('/v1/predict', server.url), {
    method: 'POST',
    body: photo,
    headers: { 'content-type': 'image/jpeg' },
  });
  expect(response.status).toBe(200);
  await response.json();
}

/**
 * The files below `root` of which a function ran, as they are called in src. One that only has its exports
 * read has not.
 */
const filesThatRan = (scripts: readonly Profiler.ScriptCoverage[], root: string): string[] => {
  const { href } = new URL(root, ROOT);
  return scripts
    .filter(({ functions }) =>
      functions.some(({ functionName, ranges }) => functionName !== '' && ranges[0]!.count > 0),
    )
    .map(({ url }) => (url.startsWith('/') ? `file://${url}` : url))
    .filter((url) => url.startsWith(href))
    .map((url) => url.slice(href.length).replace(/\.js$/, '.ts'));
};

async function filesOfOnePhoto(): Promise<string[]> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  await predict();
  const { result } = await session.post('Profiler.takePreciseCoverage');
  session.disconnect();
  return filesThatRan(result, 'src/');
}

/** What the engine's processes ran; they end with the server. */
async function filesOfEngine(): Promise<string[]> {
  await server.close(0);
  const files = new Set<string>();
  for (const name of await readdir(join(folder, 'coverage'))) {
    const { result } = JSON.parse(await readFile(join(folder, 'coverage', name), 'utf8'));
    const ran = filesThatRan(result, 'dist/');
    if (ran.includes(CHILD)) for (const file of ran) files.add(file);
  }
  return [...files];
}

/** The files that ARCHITECTURE.md's table of the path names. */
async function documented(): Promise<string[]> {
  const text = await readFile(new URL('ARCHITECTURE.md', ROOT), 'utf8');
  const [section] = /^## A request in five hops$.*?(?=^## )/ms.exec(text)!;
  const rows = section.split('\n').filter((line) => line.startsWith('|'));
  return [...rows.join('\n').matchAll(/`([\w/-]+\.ts)`/g)].map(([, file]) => file!);
}

it('ARCHITECTURE.md names the files that a photo passes, and no other', async () => {
  const ran = new Set([...(await filesOfOnePhoto()), ...(await filesOfEngine())]);
  const path = [...ran].filter((file) => !BESIDE.test(file) && file !== READINESS).toSorted();
  expect((await documented()).toSorted()).toEqual(path);
});

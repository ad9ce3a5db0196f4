import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildTestApp, type TestApp } from '../../../test/http/build-test-app.ts';
import { type PageFile, readPage } from './routes/page.ts';

const BUILD = fileURLToPath(new URL('../../page/build.mjs', import.meta.url));
const LARGEST_BYTES = 150 * 1024;

let folder: string;
let files: readonly PageFile[];
let test: TestApp;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dent-page-'));
  await promisify(execFile)(process.execPath, [BUILD, folder]);
  files = await readPage(folder);
  test = await buildTestApp({ page: files });
});
afterAll(async () => {
  await test.app.close();
  await rm(folder, { recursive: true });
});

const get = (url: string, encoding?: string) =>
  test.app.inject({ url, headers: { ...(encoding !== undefined && { 'accept-encoding': encoding }) } });
const script = () => files.find(({ type }) => type.startsWith('text/javascript'))!;

it('is at / under a strict policy, and asked for anew each time', async () => {
  const reply = await get('/');
  expect(reply.statusCode).toBe(200);
  expect(reply.headers['content-type']).toBe('text/html; charset=utf-8');
  expect(reply.headers['cache-control']).toBe('no-cache');
  const policy = `${reply.headers['content-security-policy']}`;
  expect(policy).toMatch(/^default-src 'none';/);
  expect(policy).not.toMatch(/unsafe|https?:|\*/);
  expect(reply.body).not.toMatch(/<script>|<style>| style=| on\w+=/);
});

it('names its files by their contents, and lets browsers keep them', async () => {
  const named = [...(await get('/')).body.matchAll(/(?:src|href)="(page\/[^"]+)"/g)].map(([, path]) => path!);
  expect(named).toHaveLength(3);
  for (const path of named) {
    const reply = await get(`/${path}`);
    expect([path, reply.statusCode]).toEqual([path, 200]);
    expect(path).toMatch(/-[\w-]{10}\.(?:js|css|svg)$/);
    expect(reply.headers['cache-control']).toBe('public, max-age=31536000, immutable');
  }
  const gone = await get('/page/page-0123456789.js');
  expect([gone.statusCode, gone.headers['cache-control']]).toEqual([404, 'no-store']);
});

it('is compressed for browsers that say so', async () => {
  const { path, bytes } = script();
  const [plain, gzip, br] = await Promise.all(
    [undefined, 'gzip, deflate', 'gzip, deflate, br'].map((encoding) => get(`/${path}`, encoding)),
  );
  expect([plain!, gzip!, br!].map(({ headers }) => headers['content-encoding'])).toEqual([
    undefined,
    'gzip',
    'br',
  ]);
  expect(plain!.rawPayload.equals(bytes)).toBe(true);
  expect(gunzipSync(gzip!.rawPayload).equals(bytes)).toBe(true);
  expect(brotliDecompressSync(br!.rawPayload).equals(bytes)).toBe(true);
  for (const { headers } of [plain!, gzip!, br!]) expect(headers.vary).toBe('Accept-Encoding');
});

it('is small, with its pictures', () => {
  const sent = files.map(
    ({ bytes, compressed }) => Math.max(0, ...compressed.map((each) => each.bytes.length)) || bytes.length,
  );
  expect(sent.reduce((sum, size) => sum + size, 0)).toBeLessThan(LARGEST_BYTES);
});

it('is not in the document of the API', () => {
  expect(Object.keys(test.app.swagger().paths ?? {})).not.toContain('/');
});

it('leads to the page under /docs where there is none', async () => {
  const without = await buildTestApp();
  const reply = await without.app.inject('/');
  expect([reply.statusCode, reply.headers.location]).toEqual([302, '/docs']);
  expect((await without.app.inject(`/${script().path}`)).statusCode).toBe(404);
  await without.app.close();
});

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { makeCertificates } from './fixtures/redis/certificates.ts';
import {
  freePort,
  type RedisServer,
  setEvictionPolicy,
  startRedisServer,
} from './fixtures/redis/redis-server.ts';
import { crops } from './fixtures/serving/photos.ts';
import { postImage, spawnDent, startDent, writeRepository } from './fixtures/serving/processes.ts';

let folder: string;
let redis: RedisServer;
let photo: Uint8Array<ArrayBuffer>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dent-redis-'));
  await writeRepository(join(folder, 'models'), { recipes: { static: { preset: 'static' } } });
  redis = await startRedisServer();
  [photo] = (await crops(1)) as [Uint8Array<ArrayBuffer>];
});
afterAll(async () => {
  await redis?.stop();
  await rm(folder, { recursive: true, force: true });
});

it('logs that it is not ready any more, and that it is again', async () => {
  const env = { DENT_REDIS_URL: redis.url, DENT_MODELS: join(folder, 'models') };
  const { process: child, log, exit } = spawnDent(['serve', '--queue', 'redis'], env);
  const lines = () =>
    log
      .join('')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  await expect.poll(() => log.join('')).toContain('ready at');
  await setEvictionPolicy(redis, 'allkeys-lru');
  await expect.poll(() => log.join('')).toContain('not ready at');
  await setEvictionPolicy(redis, 'noeviction');
  await expect.poll(() => log.join('')).toContain('ready again at');
  child.kill('SIGINT');
  expect(await exit).toBe(0);
  const told = lines().filter(({ msg }) => msg.includes('ready'));
  expect(told.map(({ level }) => level)).toEqual(['info', 'error', 'info']);
  expect(told[1].reasons).toEqual([expect.stringContaining('maxmemory-policy is allkeys-lru')]);
});

it('says what is wrong with a connection, and never with which password', async () => {
  const url = redis.url.replace('//', '//nobody:sesame@');
  const { process: child, log, exit } = spawnDent(['serve', '--queue', 'redis'], { DENT_REDIS_URL: url });
  await expect.poll(() => log.join('')).toContain('not ready at');
  child.kill('SIGINT');
  expect(await exit).toBe(0);
  expect(log.join('')).toContain('WRONGPASS');
  expect(log.join('')).not.toContain('sesame');
});

it('speaks TLS with a Redis whose certificate it can check, and not with another', async () => {
  const { authority, certificate, key } = await makeCertificates(folder);
  const port = await freePort();
  const secured = await startRedisServer([
    ...['--tls-port', `${port}`, '--tls-auth-clients', 'no', '--requirepass', 'sesame'],
    ...['--tls-cert-file', certificate, '--tls-key-file', key, '--tls-ca-cert-file', authority],
  ]);
  onTestFinished(() => secured.stop());
  const env = {
    DENT_REDIS_URL: `rediss://:sesame@127.0.0.1:${port}`,
    DENT_MODELS: join(folder, 'models'),
    DENT_CACHE_DIR: join(folder, 'cache'),
  };
  const trusting = { ...env, NODE_EXTRA_CA_CERTS: authority };
  const pair = await Promise.all([
    startDent(['worker', '--threads', '1'], trusting),
    startDent(['serve', '--queue', 'redis'], trusting),
  ]);
  expect((await postImage(pair[1], photo, '?recipe=static')).status).toBe(200);
  const { process: child, log, exit } = spawnDent(['serve', '--queue', 'redis'], env);
  await expect.poll(() => log.join('')).toContain('not ready at');
  expect(log.join('')).toContain('self-signed certificate in certificate chain');
  for (const each of [child, ...pair.map((one) => one.process)]) each.kill('SIGINT');
  expect(await Promise.all([exit, ...pair.map((one) => one.exit)])).toEqual([0, 0, 0]);
});

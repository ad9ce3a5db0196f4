import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePort, startRedisServer } from '../../test/fixtures/redis/redis-server.ts';
import { photo } from '../../test/fixtures/serving/photos.ts';
import { postImage } from '../../test/fixtures/serving/processes.ts';
import { type ImageConfig, type Images, openImages } from './buildah.ts';
import { type Container, startContainer } from './container.ts';

/**
 * The size on disk that the project adds to its base image. It was 180 MB when this was written, a quarter of
 * it ONNX Runtime.
 */
const MAX_APP_BYTES = 200e6;
const STAND_IN = 'localhost/stand-in-for-node';

let images: Images;
let config: ImageConfig;
let root: string;
beforeAll(async () => {
  images = await openImages();
  await images.standIn(STAND_IN);
  await images.build('localhost/dent-serve', 'docker/Dockerfile', { NODE_IMAGE: STAND_IN, VERSION: '1.2.3' });
  config = await images.config('localhost/dent-serve');
  root = await images.mount('localhost/dent-serve');
});
afterAll(() => images?.remove());

let running: Container[] = [];
afterEach(async () => {
  for (const { signal } of running) signal('SIGKILL');
  await Promise.all(running.map(({ exit }) => exit));
  running = [];
});

/** A container of the image on this machine's own loopback address. */
async function start(
  args: readonly string[] | undefined,
  env: Record<string, string> = {},
  user = config.User,
) {
  const port = String(await freePort());
  const own = { DENT_HOST: '127.0.0.1', DENT_PORT: port, DENT_THREADS: '1', ...env };
  const container = await startContainer(
    root,
    { ...config, User: user },
    { ...(args && { args }), env: own },
  );
  running.push(container);
  return { ...container, url: `http://127.0.0.1:${port}` };
}

/** Waits until the image's own health check passes. */
async function healthy({ execute, exit, output }: Container): Promise<void> {
  const [kind, ...command] = config.Healthcheck.Test;
  expect(kind).toBe('CMD');
  let ended = false;
  void exit.then(() => {
    ended = true;
  });
  for (;;) {
    const { code } = await execute(command);
    if (code === 0) return;
    if (ended) throw new Error(`The container has ended: ${output.join('')}`);
    await pause(200);
  }
}

const label = async (answer: Response): Promise<string> => {
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { predictions: { label: string }[] }).predictions[0]!.label;
};

/** Ends the container as Kubernetes does. */
async function terminate(container: Container): Promise<void> {
  container.signal('SIGTERM');
  expect(await container.exit, container.output.join('')).toBe(0);
  running = running.filter(({ exit }) => exit !== container.exit);
}

describe('the image', () => {
  it('runs as nobody of importance, and says what it is', () => {
    expect(config.User).toBe('1000:1000');
    expect(config.Labels).toMatchObject({
      'org.opencontainers.image.title': 'dent-serve',
      'org.opencontainers.image.version': '1.2.3',
    });
  });

  it('has its licence, and neither what it was built with nor package managers', () => {
    expect(existsSync(join(root, 'app/LICENSE'))).toBe(true);
    const { devDependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
    const there = Object.keys(devDependencies).filter((name) =>
      existsSync(join(root, 'app/node_modules', name)),
    );
    expect(there).toEqual([]);
    for (const path of [
      'usr/local/lib/node_modules',
      'usr/local/bin/npm',
      'app/src',
      'app/package-lock.json',
    ]) {
      expect(existsSync(join(root, path)), path).toBe(false);
    }
    const tests = execFileSync('find', [join(root, 'app/dist'), '-name', '*.test.*'], { encoding: 'utf8' });
    expect(tests).toBe('');
  });

  it("is root's, and its user can change nothing of it", () => {
    const others = ['!', '-type', 'l', '(', '!', '-user', '0', '-o', '-perm', '/022', ')'];
    expect(execFileSync('find', [join(root, 'app'), ...others], { encoding: 'utf8' })).toBe('');
  });

  it('is no larger than it needs to be', () => {
    const [bytes] = execFileSync('du', ['-s', '--block-size=1', join(root, 'app')], {
      encoding: 'utf8',
    }).split('\t');
    expect(Number(bytes)).toBeLessThan(MAX_APP_BYTES);
  });
});

describe('a container', () => {
  it('serves on a read-only root, is healthy, predicts, runs other commands, and ends with 0 on SIGTERM', async () => {
    const server = await start(undefined);
    await healthy(server);
    expect((await server.execute(['touch', '/app/file'])).output).toContain('Read-only file system');
    expect((await server.execute(['ls', '/cache'])).output).not.toBe('');
    expect(await label(await postImage(server, photo))).toBe('ship');
    const { code, output } = await server.execute([
      'dent',
      'inspect',
      'models/cifar10-resnet14/1/model.onnx',
    ]);
    expect(output).toContain('BatchNormalization');
    expect(code).toBe(0);
    await terminate(server);
  });

  it('answers what it has accepted before it ends', async () => {
    const server = await start(undefined);
    await healthy(server);
    const answers = Array.from({ length: 8 }, () => postImage(server, photo));
    await Promise.race(answers);
    await terminate(server);
    for (const answer of await Promise.all(answers)) expect(await label(answer)).toBe('ship');
  });

  it('is an API, and another a worker, over Redis', async () => {
    const redis = await startRedisServer();
    try {
      const env = { DENT_REDIS_URL: redis.url };
      const worker = await start(['worker'], env);
      const api = await start(['serve', '--queue', 'redis'], env);
      await Promise.all([healthy(worker), healthy(api)]);
      expect(await label(await postImage(api, photo))).toBe('ship');
      await Promise.all([terminate(api), terminate(worker)]);
    } finally {
      await redis.stop();
    }
  });

  it('may have any user, and be asked to predict', async () => {
    const server = await start(undefined, {}, '4321:4321');
    await healthy(server);
    expect(await label(await postImage(server, photo))).toBe('ship');
  });

  it('that cannot start says why in one line and ends with 1', async () => {
    const server = await start(undefined, { DENT_MODELS: '/nowhere' });
    expect(await server.exit).toBe(1);
    expect(server.output.join('').trim().split('\n').at(-1)).toContain('/nowhere');
    running = [];
  });
});

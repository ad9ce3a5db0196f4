import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Running, startDent } from '../test/fixtures/serving/processes.ts';

/** Runs a script of the chart as its pods do, with only `env` in the environment. */
async function runScript(name: string, env: Record<string, string>) {
  const script = await readFile(new URL(`dent-serve/files/${name}`, import.meta.url), 'utf8');
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    env: { PATH: process.env.PATH, ...env },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const [code] = await once(child, 'close');
  return { code, output };
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dent-helm-'));
});
afterEach(() => rm(folder, { recursive: true }));

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe('fetch-models', () => {
  let body: Buffer;
  let target: string;
  let server: Server;
  beforeEach(async () => {
    target = join(folder, 'target');
    await mkdir(join(folder, 'source', 'cats', '1'), { recursive: true });
    await mkdir(target);
    await writeFile(join(folder, 'source', 'cats', 'model.json'), '{}');
    await writeFile(join(folder, 'source', 'cats', '1', 'model.onnx'), 'weights');
    execFileSync('tar', ['-czf', join(folder, 'models.tar.gz'), '-C', join(folder, 'source'), 'cats']);
    body = await readFile(join(folder, 'models.tar.gz'));
    server = createServer((request, response) => {
      if (request.url!.startsWith('/models.tar.gz')) response.end(body);
      else response.writeHead(404).end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(() => server.close());

  const fetchModels = (changes: Record<string, string> = {}) =>
    runScript('fetch-models.mjs', {
      MODELS_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/models.tar.gz?token=hush`,
      MODELS_SHA256: sha256(body),
      MODELS_MAX_BYTES: '1000000',
      MODELS_DIR: target,
      ...changes,
    });

  it('unpacks the archive whose hash it was given, and leaves nothing else', async () => {
    expect(await fetchModels()).toEqual({ code: 0, output: 'fetched cats\n' });
    expect(await readFile(join(target, 'cats', '1', 'model.onnx'), 'utf8')).toBe('weights');
    expect(await readdir(target)).toEqual(['cats']);
  });

  it('can run again over what it has left', async () => {
    await fetchModels();
    expect((await fetchModels()).code).toBe(0);
  });

  it('unpacks nothing of an archive with another hash', async () => {
    const { code, output } = await fetchModels({ MODELS_SHA256: 'a'.repeat(64) });
    expect(code).toBe(1);
    expect(output).toBe(
      `The archive has the SHA-256 ${sha256(body)}, not ${'a'.repeat(64)}: it is not unpacked.\n`,
    );
    expect(await readdir(target)).toEqual([]);
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ['is too large', { MODELS_MAX_BYTES: '10' }, /larger than models\.download\.maxBytes, 10 bytes/],
    ['is not there', { MODELS_URL: 'http://127.0.0.1:3/a?token=hush' }, /cannot be reached: ECONNREFUSED/],
  ])('says in a sentence that an archive %s, and keeps the URL to itself', async (_, changes, sentence) => {
    const { code, output } = await fetchModels(changes);
    expect(code).toBe(1);
    expect(output).toMatch(sentence);
    expect(output.trim().split('\n')).toHaveLength(1);
    expect(output).not.toContain('hush');
    expect(await readdir(target)).toEqual([]);
  });

  it('leaves nothing of an archive that it refuses before a slow disk has opened the file', async () => {
    // The only thread for files is busy for a while.
    const busy = `import { pbkdf2 } from 'node:crypto'; pbkdf2('', '', 500_000, 64, 'sha512', () => {});`;
    await fetchModels({
      MODELS_MAX_BYTES: '10',
      UV_THREADPOOL_SIZE: '1',
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(busy)}`,
    });
    expect(await readdir(target)).toEqual([]);
  });

  it('says what a server answers that has no such archive', async () => {
    const { port } = server.address() as AddressInfo;
    expect(await fetchModels({ MODELS_URL: `http://127.0.0.1:${port}/other` })).toEqual({
      code: 1,
      output: 'The server of the models answered with 404.\n',
    });
  });

  it('refuses what is no archive, and one that holds no models', async () => {
    body = Buffer.from('not a tar');
    expect((await fetchModels()).output).toMatch(/^The archive cannot be unpacked: /);
    execFileSync('tar', ['-cf', join(folder, 'deep.tar'), '-C', folder, 'source']);
    body = await readFile(join(folder, 'deep.tar'));
    expect((await fetchModels()).output).toBe('The archive has no <name>/model.json at its top.\n');
  });
});

describe('test-predict', () => {
  let cache: string;
  let server: Running;
  beforeAll(async () => {
    cache = await mkdtemp(join(tmpdir(), 'dent-helm-'));
    server = await startDent(['serve'], { DENT_CACHE_DIR: cache, DENT_THREADS: '1' });
  });
  afterAll(async () => {
    server.process.kill('SIGINT');
    await server.exit;
    await rm(cache, { recursive: true });
  });

  it('passes where an image is answered', async () => {
    const { code, output } = await runScript('test-predict.mjs', {
      API_URL: server.url,
      KEYS_ASKED_FOR: 'no',
    });
    expect(output).toMatch(/^passed: cifar10-resnet14 says "\w+"\n$/);
    expect(code).toBe(0);
  });

  it('fails where a key should be asked for and is not', async () => {
    const { code, output } = await runScript('test-predict.mjs', {
      API_URL: server.url,
      KEYS_ASKED_FOR: 'yes',
    });
    expect(output).toMatch(/^failed: a post without a key was answered with 200/);
    expect(code).toBe(1);
  });

  it('passes with a key where one is asked for, and where it is refused without', async () => {
    const keys = join(folder, 'keys.json');
    const entry = { name: 'test', sha256: sha256(Buffer.from('secret')), scopes: ['predict'] };
    await writeFile(keys, JSON.stringify({ keys: [entry] }));
    const guarded = await startDent(['serve'], {
      DENT_CACHE_DIR: cache,
      DENT_THREADS: '1',
      DENT_API_KEYS_FILE: keys,
    });
    const env = { API_URL: guarded.url, KEYS_ASKED_FOR: 'yes' };
    try {
      const answers = [
        await runScript('test-predict.mjs', { ...env, API_KEY: 'secret' }),
        await runScript('test-predict.mjs', env),
        await runScript('test-predict.mjs', { ...env, API_KEY: 'another' }),
      ];
      expect(answers.map(({ code }) => code)).toEqual([0, 0, 1]);
      expect(answers[0]!.output).toMatch(/^passed: cifar10-resnet14 says/);
      expect(answers[1]!.output).toBe('passed: a post without a key is refused\n');
      expect(answers[2]!.output).toMatch(/^failed: the answer is 401/);
    } finally {
      guarded.process.kill('SIGINT');
      await guarded.exit;
    }
  });

  it('fails where the answer is no prediction', async () => {
    const other = createServer((_, response) => response.end('{"predictions": []}')).listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const result = await runScript('test-predict.mjs', {
      API_URL: `http://127.0.0.1:${port}`,
      KEYS_ASKED_FOR: 'no',
    });
    other.close();
    expect(result).toEqual({ code: 1, output: 'failed: the answer has no predictions\n' });
  });
});

import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';

/** The programs that images are built with and check themselves by. */
const program = (name: string): string => new URL(name, import.meta.url).pathname;
const RUNTIME = 'node_modules/onnxruntime-node';

let folder: string;
let server: Server;
let port: number;
let answer: (path: string) => { status: number; body?: Buffer };
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dent-docker-'));
  await mkdir(join(folder, RUNTIME, 'script'), { recursive: true });
  await writeFile(join(folder, RUNTIME, 'package.json'), '{"version": "9.8.7"}');
  server = createServer(({ url }, response) => {
    const { status, body } = answer(url!);
    response.writeHead(status).end(body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});
afterEach(async () => {
  server.close();
  await rm(folder, { recursive: true });
});

async function run(name: string, env: Record<string, string>) {
  const child = spawn(process.execPath, [program(name)], { cwd: folder, env });
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [code] = await once(child, 'close');
  return { code, output };
}

describe('prune-binaries', () => {
  const binaries = (platform: string) => join(folder, RUNTIME, 'bin/napi-v6', platform);
  const prune = () => execFileSync('sh', [program('prune-binaries.sh')], { cwd: folder, stdio: 'pipe' });

  it('leaves the binaries of this platform', async () => {
    const own = `linux/${process.arch}`;
    for (const platform of [own, 'linux/other', 'darwin/arm64', 'win32/x64']) {
      await mkdir(binaries(platform), { recursive: true });
      await writeFile(join(binaries(platform), 'onnxruntime_binding.node'), '');
    }
    prune();
    expect(existsSync(join(binaries(own), 'onnxruntime_binding.node'))).toBe(true);
    for (const platform of ['linux/other', 'darwin', 'win32'])
      expect(existsSync(binaries(platform))).toBe(false);
  });

  it('takes nothing away where there are none for this platform', async () => {
    await mkdir(binaries('win32/x64'), { recursive: true });
    expect(prune).toThrow(/ONNX Runtime has no binaries for linux/);
    expect(existsSync(binaries('win32/x64'))).toBe(true);
  });
});

describe('fetch-cuda-libraries', () => {
  const native = 'runtimes/linux-x64/native';
  const target = () => join(folder, RUNTIME, 'bin/napi-v6/linux/x64');
  let nupkg: Buffer;
  let asked: string[];
  beforeEach(async () => {
    const require = createRequire(import.meta.url);
    const AdmZip = createRequire(require.resolve('onnxruntime-node/package.json'))('adm-zip');
    const zip = new AdmZip();
    for (const library of ['shared', 'cuda', 'tensorrt']) {
      zip.addFile(`${native}/libonnxruntime_providers_${library}.so`, Buffer.from(library));
    }
    nupkg = zip.toBuffer();
    await symlink(join(process.cwd(), 'node_modules/adm-zip'), join(folder, 'node_modules/adm-zip'));
    await mkdir(target(), { recursive: true });
    asked = [];
    answer = (path) => {
      asked.push(path);
      return { status: 200, body: nupkg };
    };
  });
  const fetchLibraries = (hash: string) =>
    run('fetch-cuda-libraries.mjs', {
      NUGET_URL: `http://127.0.0.1:${port}/v3`,
      ONNXRUNTIME_GPU_SHA256: hash,
    });
  const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

  it('unpacks the two libraries that are used, of the version that is installed', async () => {
    expect(await fetchLibraries(sha256(nupkg))).toEqual({ code: 0, output: '' });
    const name = 'microsoft.ml.onnxruntime.gpu.linux';
    expect(asked).toEqual([`/v3/${name}/9.8.7/${name}.9.8.7.nupkg`]);
    expect(await readFile(join(target(), 'libonnxruntime_providers_cuda.so'), 'utf8')).toBe('cuda');
    expect(await readFile(join(target(), 'libonnxruntime_providers_shared.so'), 'utf8')).toBe('shared');
    expect(existsSync(join(target(), 'libonnxruntime_providers_tensorrt.so'))).toBe(false);
  });

  it('unpacks nothing whose hash is another, and fetches nothing without one', async () => {
    const other = await fetchLibraries('0'.repeat(64));
    expect(other.code).toBe(1);
    expect(other.output).toContain(`has the SHA-256 ${sha256(nupkg)}, not ${'0'.repeat(64)}.`);
    const none = await fetchLibraries('');
    expect(none.output).toMatch(
      /^ONNXRUNTIME_GPU_SHA256 must be the SHA-256 of .*\.nupkg in lowercase hex\.\n$/,
    );
    expect(asked).toHaveLength(1);
    expect(existsSync(join(target(), 'libonnxruntime_providers_cuda.so'))).toBe(false);
  });

  it('says what else is at fault', async () => {
    answer = () => ({ status: 404 });
    expect((await fetchLibraries('0'.repeat(64))).output).toMatch(/was answered with 404\.\n$/);
    answer = () => ({ status: 200, body: nupkg });
    nupkg = Buffer.from('no zip');
    expect((await fetchLibraries(sha256(nupkg))).code).toBe(1);
  });
});

it.each([
  ['passes', 200, 0],
  ['fails', 503, 1],
])('the health check %s where readiness is %d', async (_, status, code) => {
  answer = (path) => ({ status: path === '/v2/health/ready' ? status : 404 });
  expect((await run('healthcheck.mjs', { DENT_PORT: String(port) })).code).toBe(code);
});

it('the health check fails where nobody listens', async () => {
  server.close();
  expect((await run('healthcheck.mjs', { DENT_PORT: String(port) })).code).toBe(1);
});

describe('the compose file', () => {
  const { services } = parse(readFileSync(program('compose.yaml'), 'utf8'), { merge: true });

  it('gives containers longer to stop than the server takes', () => {
    for (const name of ['api', 'worker']) expect(services[name].stop_grace_period).toBe('75s');
  });

  it('mounts files that are there', () => {
    const mounts: string[] = Object.values(services as Record<string, { volumes?: string[] }>).flatMap(
      ({ volumes = [] }) => volumes,
    );
    const files = mounts.map((mount) => mount.split(':')[0]!).filter((file) => file.startsWith('.'));
    expect(files.length).toBeGreaterThan(2);
    for (const file of files) expect(existsSync(program(file)), file).toBe(true);
  });
});

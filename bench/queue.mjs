/**
 * What the queue in Redis costs and how well it fills batches. Workers are processes of their own, and their
 * engine only sleeps. Needs redis-server on PATH.
 *
 *   npm run build && node bench/queue.mjs [cost] [idle] [throughput] [growth]
 *
 * Without names it measures the first three. `growth` takes over three minutes.
 */
import { fork, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { createRedisConsumer, createRedisProducer } from '../dist/batching/redis/index.js';

const ROW_BYTES = 4096;
const BATCH = 128;
const lane = { model: 'bench', version: 1, content: 'bench-1', recipe: 'isolated', caller: '' };
const onFault = (error, doing) => console.error(`${process.pid} ${doing}: ${error}`);

async function work([url, prefix, runMs]) {
  const consumer = createRedisConsumer({ redis: { url, prefix }, contents: () => ['bench-1'], onFault });
  const answer = {
    logits: new Float32Array(10),
    staticLogits: new Float32Array(10),
    entropy: new Float32Array(7),
    applied: 'isolated',
    steps: 6,
  };
  let batches = 0;
  let rows = 0;
  /** When batches ended since the last totals, and how many rows each had. */
  let ends = [];
  consumer.consume(
    async (batch) => {
      batches += 1;
      rows += batch.rows.length;
      if (runMs > 0) await pause(Number(runMs));
      ends.push([performance.now(), batch.rows.length]);
      return batch.rows.map(() => answer);
    },
    { concurrency: 1 },
  );
  process.on('message', async (message) => {
    if (message === 'close') {
      await consumer.close();
      process.disconnect();
    } else {
      process.send({ batches, rows, cpuUs: cpuUs(), rate: rateOf(ends) });
      ends = [];
    }
  });
  process.on('disconnect', () => process.exit());
  while (!consumer.isUp()) await pause(5);
  process.send('ready');
}

/** Rows per second, from the end of one batch to the end of another, so that no part of a batch is missed. */
function rateOf(ends) {
  if (ends.length < 2) return 0;
  const rows = ends.slice(1).reduce((sum, [, count]) => sum + count, 0);
  return (rows / (ends.at(-1)[0] - ends[0][0])) * 1000;
}

const cpuUs = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

async function startWorkers(count, url, prefix, runMs) {
  const workers = Array.from({ length: count }, () =>
    fork(fileURLToPath(import.meta.url), ['worker', url, prefix, `${runMs}`]),
  );
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  return {
    async totals() {
      const all = await Promise.all(
        workers.map((worker) => {
          worker.send('totals');
          return once(worker, 'message');
        }),
      );
      const sum = (key) => all.reduce((total, [each]) => total + each[key], 0);
      return { batches: sum('batches'), rows: sum('rows'), cpuUs: sum('cpuUs'), rate: sum('rate') };
    },
    async close() {
      for (const worker of workers) worker.send('close');
      await Promise.all(workers.map((worker) => once(worker, 'exit')));
    },
  };
}

async function redisCpuUs(redis) {
  const info = await redis.info('cpu');
  const of = (name) => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)[1]);
  return (of('used_cpu_user') + of('used_cpu_sys')) * 1e6;
}

/** Keeps `inFlight` rows under way until `until` says stop. Resolves with how many were answered. */
async function load(producer, inFlight, until) {
  let answered = 0;
  let sent = 0;
  const data = new Uint8Array(ROW_BYTES).map((_, i) => i);
  async function client() {
    while (!until(sent)) {
      sent += 1;
      await producer.submit({
        id: randomUUID(),
        lane,
        row: { type: 'uint8', data },
        deadlineMs: Date.now() + 60_000,
      });
      answered += 1;
    }
  }
  await Promise.all(Array.from({ length: inFlight }, client));
  return answered;
}

async function open(url, redis, { workers: count, runMs }) {
  const prefix = `bench-${Math.random()}`;
  const limits = { maxBatchSize: BATCH, maxDelayMs: 20, queueLimit: 100_000 };
  const producer = createRedisProducer({
    redis: { url, prefix },
    limitsOf: () => limits,
    onFault,
  });
  const workers = await startWorkers(count, url, prefix, runMs);
  while (!producer.isUp()) await pause(5);
  return {
    producer,
    workers,
    async close() {
      await producer.close();
      await workers.close();
      const keys = await redis.keys(`*${prefix}*`);
      return keys.map((key) => key.slice(prefix.length + 3)).filter((key) => !key.startsWith('result:'));
    },
  };
}

async function measureCost(url, redis) {
  const { producer, workers, close } = await open(url, redis, { workers: 1, runMs: 0 });
  await load(producer, 1024, (sent) => sent >= 10_000);
  const rows = 50_000;
  const before = [cpuUs(), await redisCpuUs(redis), await workers.totals(), performance.now()];
  await load(producer, 1024, (sent) => sent >= rows);
  const wall = performance.now() - before[3];
  const totals = await workers.totals();
  const api = (cpuUs() - before[0]) / rows;
  const server = ((await redisCpuUs(redis)) - before[1]) / rows;
  const worker = (totals.cpuUs - before[2].cpuUs) / rows;
  const mean = (totals.rows - before[2].rows) / (totals.batches - before[2].batches);
  console.log(
    `CPU per image of ${ROW_BYTES} bytes: API ${api.toFixed(0)} us, Redis ${server.toFixed(0)} us (together ${(api + server).toFixed(0)}), worker ${worker.toFixed(0)} us; ${((rows / wall) * 1000).toFixed(0)} images/s in batches of ${mean.toFixed(1)}`,
  );
  console.log(`keys left beside results, which expire: ${(await close()).join(' ')}`);
}

async function measureIdle(url, redis) {
  const { producer, close } = await open(url, redis, { workers: 1, runMs: 0 });
  const waits = [];
  for (let i = 0; i < 50; i++) {
    await pause(60);
    const data = new Uint8Array(ROW_BYTES);
    const startMs = performance.now();
    await producer.submit({
      id: randomUUID(),
      lane,
      row: { type: 'uint8', data },
      deadlineMs: Date.now() + 60_000,
    });
    waits.push(performance.now() - startMs);
  }
  waits.sort((a, b) => a - b);
  const at = (q) => (waits[Math.floor(q * (waits.length - 1))] - 20).toFixed(1);
  console.log(
    `a lone request waits its window of 20 ms and: median ${at(0.5)} ms, 90 % ${at(0.9)} ms, worst ${at(1)} ms`,
  );
  await close();
}

/**
 * In the steady state: three batches in flight for each engine, of which the first and the last ones are not
 * counted.
 */
async function measureThroughput(url, redis) {
  const [warmUpMs, runMs] = [1_500, 6_000];
  let one;
  for (const count of [1, 2, 4]) {
    const { producer, workers, close } = await open(url, redis, { workers: count, runMs: 200 });
    let over = false;
    const loading = load(producer, 384 * count, () => over);
    await pause(warmUpMs);
    const before = await workers.totals();
    await pause(runMs);
    const { rate, rows, batches } = await workers.totals();
    over = true;
    await loading;
    one ??= rate;
    console.log(
      `${count} engines of 200 ms a batch: ${rate.toFixed(0)} images/s (${(rate / one).toFixed(2)} x one, ${((100 * rate) / (count * 640)).toFixed(0)} % of what the engines can), mean batch ${((rows - before.rows) / (batches - before.batches)).toFixed(1)}`,
    );
    await close();
  }
}

/**
 * Whether Redis fills up: a steady load, part of which is given up, and Redis' contents every 20 s. Runs only
 * by name.
 */
async function measureGrowth(url, redis) {
  const { producer, close } = await open(url, redis, { workers: 2, runMs: 20 });
  const seconds = 200;
  const endMs = performance.now() + seconds * 1000;
  const data = new Uint8Array(ROW_BYTES);
  let sent = 0;
  const outcomes = {};
  async function client(kind) {
    while (performance.now() < endMs) {
      sent += 1;
      const row = {
        id: randomUUID(),
        lane: { ...lane, caller: `${sent % 50}` },
        row: { type: 'uint8', data },
      };
      const keep = kind % 20 === 1 && { keep: { ms: 10_000, memo: 'memo' } };
      const deadlineMs = Date.now() + (kind % 20 === 2 ? 15 : 30_000);
      const signal = kind % 20 === 3 ? AbortSignal.timeout(30) : undefined;
      const outcome = await producer.submit({ ...row, deadlineMs, ...keep }, signal).then(
        () => 'answered',
        ({ code }) => code,
      );
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      if (outcome !== 'answered') await pause(100);
    }
  }
  const loading = Promise.all(Array.from({ length: 400 }, (_, kind) => client(kind)));
  for (let second = 20; second <= seconds; second += 20) {
    await pause(20_000);
    const memory = Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))[1]);
    const kinds = {};
    for (const key of await redis.keys('*')) {
      const [, kind] = key.split('}:')[1].split(/^([a-z]+)/);
      kinds[kind] = (kinds[kind] ?? 0) + 1;
    }
    console.log(
      `after ${second} s and ${sent} rows: ${(memory / 1024 ** 2).toFixed(1)} MB, keys ${JSON.stringify(kinds)}`,
    );
  }
  await loading;
  console.log(JSON.stringify(outcomes));
  console.log(`keys left: ${(await close()).join(' ')}`);
}

const MEASURES = { cost: measureCost, idle: measureIdle, throughput: measureThroughput };

async function main() {
  const folder = await mkdtemp(join(tmpdir(), 'bench-'));
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  const server = spawn(
    'redis-server',
    ['--port', `${port}`, '--dir', folder, '--save', '', '--appendonly', 'yes'],
    { stdio: 'ignore' },
  );
  const redis = new Redis({ port, retryStrategy: () => 20 });
  redis.on('error', () => {});
  try {
    await redis.ping();
    const url = `redis://127.0.0.1:${port}`;
    const wanted = process.argv.slice(2);
    for (const [name, measure] of Object.entries(MEASURES)) {
      if (wanted.length === 0 || wanted.includes(name)) await measure(url, redis);
    }
    if (wanted.includes('growth')) await measureGrowth(url, redis);
  } finally {
    redis.disconnect();
    server.kill('SIGKILL');
    await once(server, 'exit');
    await rm(folder, { recursive: true });
  }
}

if (process.argv[2] === 'worker') await work(process.argv.slice(3));
else await main();

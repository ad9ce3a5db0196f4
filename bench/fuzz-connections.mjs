/**
 * Checks that random connections leave nothing behind: `npm run build && node bench/fuzz-connections.mjs
 * [--sequences 20000] [--seed 1] [--at-once 32]`.
 *
 * Each sequence is one connection. It sends a mix of whole requests one behind the other, bodies that end
 * early, chunks, junk that is not HTTP, and pauses. It reads or does not, and hangs up in one of several
 * ways. The same seed gives the same sequences. Afterwards no request may be counted as under way, a key must
 * have all of its places, the room for bodies must be empty, a prediction must be answered, and memory must
 * be within a tenth of what it was after half of the sequences. Fails otherwise.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { startServe } from './serve.mjs';

const { values } = parseArgs({
  options: {
    sequences: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '1' },
    'at-once': { type: 'string', default: '32' },
  },
});
const [sequences, seed, atOnce] = [values.sequences, values.seed, values['at-once']].map(Number);
const MIB = 2 ** 20;
/** Room for this many bytes of bodies. A large one must fit when all is over. */
const UPLOAD_BYTES = 16 * MIB;
/** Fewer sequences say nothing about memory, which is then mostly what a process needs once. */
const ENOUGH_FOR_MEMORY = 5000;
const SETTLE_MS = 90_000;
const PLACES = 4;
const KEYS = { fuzz: 'dent_fuzz', few: 'dent_few', metrics: 'dent_metrics' };

const png = await sharp({ create: { width: 32, height: 32, channels: 3, background: 'navy' } })
  .png()
  .toBuffer();

/** Numbers from 0 to 1, from a seed (xorshift). */
function createRandom(from) {
  let state = from * 2_654_435_761 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

async function startServer(folder) {
  const entry = (name, scopes, more = {}) => ({
    name,
    scopes,
    sha256: createHash('sha256').update(KEYS[name]).digest('hex'),
    ...more,
  });
  const keys = [
    entry('fuzz', ['predict']),
    entry('few', ['predict'], { concurrency: PLACES }),
    entry('metrics', ['metrics']),
  ];
  await writeFile(join(folder, 'keys.json'), JSON.stringify({ keys }));
  return startServe({
    env: {
      DENT_API_KEYS_FILE: join(folder, 'keys.json'),
      DENT_MAX_UPLOAD_BYTES: String(UPLOAD_BYTES),
      DENT_THREADS: '1',
    },
  });
}

/** The sequence of a random source, over a connection to `port`. */
function createSequence(port, random, counts) {
  const below = (n) => Math.floor(random() * n);
  const pick = (list) => list[below(list.length)];

  const key = () => (random() < 0.3 ? KEYS.few : KEYS.fuzz);
  const head = (method, path, lines) =>
    `${[`${method} ${path} HTTP/1.1`, 'Host: here', `X-API-Key: ${key()}`, ...lines].join('\r\n')}\r\n\r\n`;
  const post = (body, { length = body.length, path = '/v1/predict?recipe=static' } = {}) =>
    Buffer.concat([
      Buffer.from(head('POST', path, ['Content-Type: image/png', `Content-Length: ${length}`])),
      body,
    ]);
  const junk = () => Buffer.alloc(random() < 0.02 ? 3 * MIB : below(random() < 0.2 ? 200_000 : 2000), 7);
  const cut = (bytes) => bytes.subarray(0, below(bytes.length));
  const chunk = (bytes) => `${bytes.length.toString(16)}\r\n${bytes.toString('latin1')}\r\n`;
  const chunked = (...chunks) =>
    Buffer.from(
      head('POST', '/v1/predict', ['Content-Type: image/png', 'Transfer-Encoding: chunked']) +
        chunks.join(''),
      'latin1',
    );
  const GETS = ['/v1/models', '/openapi.yaml', '/v2/health/ready', '/nowhere', '/v1/models?no=1', '/metrics'];

  /** The parts of a sequence, each as often as it is listed. */
  const parts = [
    () => Buffer.from(head('GET', pick(GETS), [])),
    () => Buffer.from(head('GET', pick(GETS), []).repeat(1 + below(40))),
    () => post(png),
    () => post(png),
    // Slow, so that others wait behind it.
    () => (random() < 0.1 ? post(png, { path: '/v1/predict?recipe=isolated' }) : post(png)),
    () => post(junk()),
    () => post(junk(), { path: '/v2/models/cifar10-resnet14/infer' }),
    () => post(cut(png), { length: png.length }),
    () => post(junk(), { length: 9_000_000 }),
    () => chunked(chunk(png.subarray(0, 40)), chunk(png.subarray(40)), '0\r\n\r\n'),
    () => chunked(chunk(junk().subarray(0, 3000)), pick(['', 'zz\r\n', '5\r\nab'])),
    () => cut(post(png)),
    () => cut(Buffer.from('GIMME / PLEASE\r\nHost: here\r\n\r\n')),
    () => Buffer.from(head('OPTIONS', '/v1/predict', ['Expect: 100-continue', 'Content-Length: 3'])),
  ];

  /** Ways to hang up. */
  const ends = [
    (socket) => socket.destroy(),
    (socket) => socket.resetAndDestroy(),
    async (socket) => {
      socket.end();
      await pause(below(100));
    },
    async (socket) => {
      // Hangs up after an answer, or after some time without one.
      socket.resume();
      await Promise.race([once(socket, 'data'), once(socket, 'close'), pause(500)]);
    },
  ];

  return async () => {
    const socket = net.connect({ port, host: '127.0.0.1' }).on('error', () => {});
    counts.connections++;
    if (random() < 0.7) socket.resume();
    await Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => {});
    for (let left = 1 + below(5); left > 0 && !socket.destroyed; left--) {
      counts.requests++;
      socket.write(pick(parts)());
      if (random() < 0.4) await pause(below(30));
    }
    if (!socket.destroyed) await Promise.resolve(pick(ends)(socket)).catch(() => {});
    socket.destroy();
  };
}

/** Runs the sequences from `first` on, before `end`, some at a time. */
async function runSequences(port, first, end, counts) {
  let next = first;
  const worker = async () => {
    while (next < end) {
      const random = createRandom(seed * 1_000_003 + next++);
      await createSequence(port, random, counts)();
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

const residentMiB = async (pid) =>
  Math.round(Number((await readFile(`/proc/${pid}/status`, 'utf8')).match(/^VmRSS:\s+(\d+) kB/m)[1]) / 1024);

/** Asks until the answer is as wanted, and resolves with the last one. */
async function settle(ask, isWanted) {
  const untilMs = performance.now() + SETTLE_MS;
  for (;;) {
    const answer = await ask();
    if (isWanted(answer) || performance.now() > untilMs) return answer;
    await pause(250);
  }
}

/** The lowest memory of some seconds: garbage is collected late. */
async function settledMiB(pid) {
  let lowest = await residentMiB(pid);
  for (let i = 0; i < 10; i++) {
    await pause(500);
    lowest = Math.min(lowest, await residentMiB(pid));
  }
  return lowest;
}

/** Requests under way besides the one that asks. */
async function underWay(url) {
  const page = await fetch(`${url}/metrics`, { headers: { 'x-api-key': KEYS.metrics } });
  return Number(/^dent_inflight_requests (\d+)/m.exec(await page.text())?.[1]) - 1;
}

const predict = async (url, key) => {
  const headers = { 'content-type': 'image/png', 'x-api-key': key };
  const reply = await fetch(`${url}/v1/predict?recipe=static`, { method: 'POST', headers, body: png });
  await reply.text();
  return reply.status;
};

/** Whether there is room for a body that takes more than half of it. */
async function sendLarge(url) {
  const reply = await fetch(`${url}/v2/models/cifar10-resnet14/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': KEYS.fuzz },
    body: Buffer.alloc(9 * MIB, 0x20),
  });
  await reply.text();
  return reply.status;
}

const folder = await mkdtemp(join(tmpdir(), 'dent-fuzz-'));
const { child, exited, url, port } = await startServer(folder);
try {
  const startedMs = performance.now();
  const counts = { connections: 0, requests: 0 };
  const before = await residentMiB(child.pid);
  const warmUp = Math.floor(sequences / 2);
  await runSequences(port, 0, warmUp, counts);
  await settle(
    () => underWay(url),
    (count) => count === 0,
  );
  const warm = await settledMiB(child.pid);
  await runSequences(port, warmUp, sequences, counts);
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  const open = await settle(
    () => underWay(url),
    (count) => count === 0,
  );
  const after = await settle(
    () => settledMiB(child.pid),
    (mib) => mib <= warm * 1.1,
  );
  const places = await Promise.all(Array.from({ length: PLACES }, () => predict(url, KEYS.few)));
  const large = await sendLarge(url);
  const last = await predict(url, KEYS.fuzz);

  const { connections, requests } = counts;
  console.log(`seed ${seed}: ${connections} connections, ${requests} pieces sent in ${seconds} s`);
  console.log(
    `  under way afterwards: ${open}; ${PLACES} at once of a key that has ${PLACES}: ${places.join(', ')}`,
  );
  console.log(`  a body of 9 MiB where there is room for 16: ${large}; a prediction: ${last}`);
  console.log(`  memory: ${before} MiB at first, ${warm} after ${warmUp} connections, ${after} after all`);
  const holds =
    open === 0 &&
    places.every((status) => status === 200) &&
    large === 400 &&
    last === 200 &&
    (sequences < ENOUGH_FOR_MEMORY || after <= warm * 1.1) &&
    child.exitCode === null;
  if (!holds) {
    console.log('  FAILED');
    process.exitCode = 1;
  }
} finally {
  child.kill('SIGTERM');
  console.log(`  the server ended with ${await exited}`);
  await rm(folder, { recursive: true });
}

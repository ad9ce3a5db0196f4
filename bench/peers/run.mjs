/**
 * Compares dent-serve with what people would run instead: LitServe and BentoML around PyTorch. The same
 * client posts the same photographs to each, in turn, and compares the answers.
 *
 *   npm run build && node bench/peers/run.mjs --data DIR [--photos 512] [--rounds 2] [--env FOLDER] [--port
 *   18330]
 *
 * DIR has images, in folders or not. FOLDER is the Python environment of the peers; where it is not there,
 * setup.sh makes it, beside the torch of the interpreter PYTHON (python3 by default). Prints images a second,
 * and the ratio of dent-serve to each peer in each round. A server that is not measured is stopped meanwhile.
 */
import { execFile, spawn } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { homedir, tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    photos: { type: 'string', default: '512' },
    rounds: { type: 'string', default: '2' },
    env: { type: 'string', default: join(homedir(), '.cache', 'dent-peers') },
    port: { type: 'string', default: '18330' },
  },
});
if (values.data === undefined) throw new Error('Name a folder with images: --data DIR.');
const [photos, rounds, firstPort] = ['photos', 'rounds', 'port'].map((name) => Number(values[name]));

const HERE = fileURLToPath(new URL('.', import.meta.url));
const MODEL = fileURLToPath(new URL('../../models/cifar10-resnet14/', import.meta.url));
const RECIPES = ['isolated', 'brief'];
/** Twice a batch: while one runs, the next one gathers. */
const CONNECTIONS = 256;
const WARM_UP = 144;
const START_LIMIT_MS = 120_000;
const BOUNDARY = 'bench-peers-a7c1';
const run = promisify(execFile);
const python = join(values.env, 'bin', 'python');

/** `count` images of the folder, evenly from all of it. */
async function readPhotos(folder, count) {
  const names = await readdir(folder, { recursive: true });
  const images = names
    .filter((name) => ['.jpg', '.jpeg', '.png'].includes(extname(name).toLowerCase()))
    .sort();
  if (images.length === 0) throw new Error(`${folder} has no images.`);
  const chosen = Array.from({ length: count }, (_, i) => images[Math.floor((i * images.length) / count)]);
  return Promise.all(chosen.map((name) => readFile(join(folder, name))));
}

/** The bundled model, whose requests may wait for as long as a slow machine needs. */
async function writeRepository(root) {
  const folder = join(root, 'cifar10-resnet14');
  await mkdir(join(folder, '1'), { recursive: true });
  await copyFile(join(MODEL, '1', 'model.onnx'), join(folder, '1', 'model.onnx'));
  const manifest = JSON.parse(await readFile(join(MODEL, 'model.json'), 'utf8'));
  const recipes = Object.fromEntries(RECIPES.map((preset) => [preset, { preset }]));
  const batching = { ...manifest.batching, timeoutMs: 600_000 };
  await writeFile(
    join(folder, 'model.json'),
    JSON.stringify({ ...manifest, recipes, defaultRecipe: 'brief', batching }),
  );
  return batching.maxDelayMs;
}

/** A server in a process group of its own, so that all of it can be stopped and continued. */
function startGroup(command, args, env) {
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
    detached: true,
    cwd: HERE,
  });
  const signal = (name) => {
    try {
      process.kill(-child.pid, name);
    } catch {
      // It has ended.
    }
  };
  return { signal, hasEnded: () => child.exitCode !== null };
}

/** The body of the response. */
function post(url, body, headers, agent) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method: 'POST', agent, headers }, (response) => {
      const pieces = [];
      response.on('data', (piece) => pieces.push(piece));
      response.on('end', () => {
        const text = Buffer.concat(pieces).toString();
        if (response.statusCode === 200) resolve(JSON.parse(text));
        else reject(new Error(`${url} answered ${response.statusCode}: ${text.slice(0, 300)}`));
      });
    });
    request.on('error', reject).end(body);
  });
}

/** A form with the photograph, as every one of the three takes it. */
function formOf(photo, field, fields) {
  const part = (head, body) => [
    Buffer.from(`--${BOUNDARY}\r\ncontent-disposition: form-data; ${head}`),
    body,
  ];
  const head = `name="${field}"; filename="photo"\r\ncontent-type: application/octet-stream\r\n\r\n`;
  return Buffer.concat([
    ...Object.entries(fields).flatMap(([name, value]) =>
      part(`name="${name}"\r\n\r\n`, Buffer.from(`${value}\r\n`)),
    ),
    ...part(head, photo),
    Buffer.from(`\r\n--${BOUNDARY}--\r\n`),
  ]);
}

/** What differs between the servers: how they start, where they are asked, and what they answer. */
const serversOf = ({ folder, windowMs, settings }) => {
  const peer = {
    PEER_MODEL: join(MODEL, '1', 'model.onnx'),
    PEER_SETTINGS: settings,
    PEER_WINDOW_MS: `${windowMs}`,
  };
  const [dentPort, litPort, bentoPort] = [0, 1, 2].map((i) => firstPort + i);
  const plain = (answer) => [answer].flat()[0];
  return [
    {
      name: 'dent-serve',
      port: dentPort,
      start: () =>
        startGroup(
          process.execPath,
          [
            fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url)),
            'serve',
            '--port',
            `${dentPort}`,
          ],
          {
            DENT_MODELS: join(folder, 'models'),
            DENT_CACHE_DIR: join(folder, 'cache'),
            DENT_LOG_LEVEL: 'warn',
          },
        ),
      ready: '/v2/health/ready',
      path: (recipe) => `/v1/predict?recipe=${recipe}&top_k=1`,
      form: (photo) => formOf(photo, 'image', {}),
      answer: ({ predictions: [{ class: number, probability }] }) => ({ class: number, probability }),
    },
    {
      name: 'LitServe',
      port: litPort,
      start: () => startGroup(python, ['litserve_peer.py'], { ...peer, PEER_PORT: `${litPort}` }),
      ready: '/health',
      path: () => '/predict',
      form: (photo, recipe) => formOf(photo, 'image', { recipe }),
      answer: plain,
    },
    {
      name: 'BentoML',
      port: bentoPort,
      start: () =>
        startGroup(
          python,
          ['-m', 'bentoml', 'serve', 'bentoml_peer:Peer', '--host', '127.0.0.1', '--port', `${bentoPort}`],
          { ...peer, BENTOML_DO_NOT_TRACK: 'True' },
        ),
      ready: '/readyz',
      path: (recipe) => `/${recipe}`,
      form: (photo) => formOf(photo, 'images', {}),
      answer: plain,
    },
  ];
};

async function awaitReady({ name, port, ready }, { hasEnded }) {
  const endMs = performance.now() + START_LIMIT_MS;
  const isReady = () =>
    fetch(`http://127.0.0.1:${port}${ready}`).then(
      ({ ok }) => ok,
      () => false,
    );
  while (!(await isReady())) {
    if (hasEnded() || performance.now() > endMs)
      throw new Error(`${name} does not start; it says above why.`);
    await pause(200);
  }
}

/** Posts all photographs, and resolves with the answers and with images a second. */
async function measure(server, recipe, images) {
  const headers = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` };
  const url = `http://127.0.0.1:${server.port}${server.path(recipe)}`;
  const bodies = images.map((photo) => server.form(photo, recipe));
  // Connections of an earlier round may have been given up by the server.
  const agent = new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const startMs = performance.now();
  const answers = await Promise.all(bodies.map((body) => post(url, body, headers, agent)));
  const seconds = (performance.now() - startMs) / 1000;
  agent.destroy();
  return { perSecond: images.length / seconds, answers: answers.map(server.answer) };
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

/** How far the answers are from the first server's. */
function compare(answers, others) {
  const same = answers.filter((answer, i) => answer.class === others[i].class).length;
  const gaps = answers.map((answer, i) => Math.abs(answer.probability - others[i].probability));
  return `${same} of ${answers.length} classes the same, probabilities within ${Math.max(...gaps).toExponential(1)} (median ${median(gaps).toExponential(1)})`;
}

async function makeEnvironment() {
  const interpreter = process.env.PYTHON ?? 'python3';
  const isThere = await run(python, ['-c', 'import litserve, bentoml, torch']).catch(() => undefined);
  if (!isThere) await run(join(HERE, 'setup.sh'), [values.env, interpreter]);
}

const images = await readPhotos(values.data, photos);
await makeEnvironment();
const { stdout } = await run(python, ['reference.py', join(MODEL, '1', 'model.onnx')], { cwd: HERE });
const settings = stdout.trim();
console.log(`PyTorch is fastest with ${settings}`);
const folder = await mkdtemp(join(tmpdir(), 'dent-peers-'));
const groups = [];
for (const name of ['SIGINT', 'SIGTERM']) {
  process.once(name, () => {
    for (const { signal } of groups) signal('SIGKILL');
    process.exit(1);
  });
}
try {
  const windowMs = await writeRepository(join(folder, 'models'));
  const servers = serversOf({ folder, windowMs, settings });
  for (const server of servers) {
    server.group = server.start();
    groups.push(server.group);
    await awaitReady(server, server.group);
    for (const recipe of RECIPES) await measure(server, recipe, images.slice(0, WARM_UP));
    server.group.signal('SIGSTOP');
  }
  const rates = new Map();
  for (let round = 0; round < rounds; round++) {
    for (const recipe of RECIPES) {
      for (const server of servers) {
        server.group.signal('SIGCONT');
        const { perSecond, answers } = await measure(server, recipe, images);
        server.group.signal('SIGSTOP');
        const key = `${server.name} ${recipe}`;
        rates.set(key, [...(rates.get(key) ?? []), perSecond]);
        server.answers = answers;
        console.log(`round ${round + 1}, ${key}: ${perSecond.toFixed(1)} images/s`);
      }
      if (round > 0) continue;
      const [dent, ...peers] = servers;
      for (const peer of peers) console.log(`  ${peer.name}: ${compare(peer.answers, dent.answers)}`);
    }
  }
  const ratio = (ours, theirs) => {
    const each = rates.get(ours).map((rate, i) => rate / rates.get(theirs)[i]);
    return `${median(each).toFixed(2)} (${each.map((one) => one.toFixed(2)).join(', ')})`;
  };
  const [dent, ...peers] = servers.map(({ name }) => name);
  for (const peer of peers) {
    console.log(`images/s of ${dent} over ${peer}, median and each round:`);
    console.log(`  both isolated                ${ratio(`${dent} isolated`, `${peer} isolated`)}`);
    console.log(`  both brief                   ${ratio(`${dent} brief`, `${peer} brief`)}`);
    console.log(`  brief over the full isolated ${ratio(`${dent} brief`, `${peer} isolated`)}`);
  }
} finally {
  for (const { signal } of groups) {
    signal('SIGCONT');
    signal('SIGTERM');
  }
  await pause(2000);
  for (const { signal } of groups) signal('SIGKILL');
  await rm(folder, { recursive: true });
}

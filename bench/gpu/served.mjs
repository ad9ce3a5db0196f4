/**
 * Images a second of `dent serve`, from photographs posted by processes beside it, and those of the bare
 * engine. `share` is the one over the other.
 */
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { startServe, stopServe } from '../serve.mjs';
import {
  bundled,
  device,
  emit,
  median,
  noise,
  options,
  path,
  photoFiles,
  photographs,
  small,
  timed,
  withEngine,
} from './common.mjs';

const START_LIMIT_MS = 300_000;
const CLIENTS = small ? 1 : 4;
const rows = small ? 8 : 128;
/** Four batches: one runs, one is ahead, two gather and travel. */
const atATime = 4 * rows;

/** What the bundled model is asked, and a ResNet-50 at 224 x 224: recipes, and posts for each. */
const models = [
  {
    name: 'resnet14',
    file: fileURLToPath(bundled),
    batch: () => photographs(rows),
    files: photoFiles ?? [],
    precision: 'fp32',
    plan: small ? { brief: 64 } : { brief: 12_000, isolated: 6_000, static: 12_000 },
  },
];
if (options.resnet50 !== undefined) {
  models.push({
    name: 'resnet50',
    file: options.resnet50,
    batch: () => noise(rows, 224),
    files: [],
    precision: 'tf32',
    plan: small ? { static: 16 } : { isolated: 1_024, static: 4_096 },
  });
}

const scratch = mkdtempSync(join(tmpdir(), 'dent-served-'));

/** Photographs of this size as files, where --data has none. */
async function writePhotographs(size) {
  const folder = join(scratch, `photographs-${size}`);
  mkdirSync(folder);
  const { data } = photographs(64);
  return Promise.all(
    Array.from({ length: 64 }, async (_, i) => {
      const pixels = Uint8Array.from({ length: 3072 }, (_, j) =>
        Math.round(255 * data[i * 3072 + (j % 3) * 1024 + Math.floor(j / 3)]),
      );
      const file = join(folder, `${i}.jpg`);
      await sharp(pixels, { raw: { width: 32, height: 32, channels: 3 } })
        .resize(size, size)
        .jpeg({ quality: 95 })
        .toFile(file);
      return file;
    }),
  );
}

/** Images a second of the engine alone, under each recipe. */
async function bareEngine({ file, batch, precision, plan }) {
  return withEngine({}, async (open) => {
    const bare = {};
    for (const preset of Object.keys(plan)) {
      const { run, recipe, release } = await open(file, { preset }, precision);
      await run(batch(), recipe.steps);
      const times = [];
      for (let i = 0; i < (small ? 1 : 10); i++) {
        const rowsOfRun = batch();
        times.push((await timed(() => run(rowsOfRun, recipe.steps))).ms);
      }
      bare[preset] = (rows * 1000) / median(times);
      await release();
    }
    return bare;
  });
}

/** A repository with this model alone, with a queue that holds all that are posted at a time. */
function writeRepository({ name, file, precision, plan }) {
  const folder = join(scratch, name);
  const { labels, input, ...rest } = JSON.parse(
    readFileSync(path('models/cifar10-resnet14/model.json'), 'utf8'),
  );
  const isBundled = name === 'resnet14';
  const manifest = {
    input: isBundled ? input : { ...input, width: 224, height: 224 },
    labels: isBundled ? labels : Array.from({ length: 1000 }, (_, i) => `class ${i}`),
    precision,
    recipes: Object.fromEntries(Object.keys(plan).map((preset) => [preset, { preset }])),
    defaultRecipe: Object.keys(plan)[0],
    batching: { ...rest.batching, maxBatchSize: rows, queueLimit: 20_000 },
  };
  mkdirSync(join(folder, name, '1'), { recursive: true });
  writeFileSync(join(folder, name, 'model.json'), JSON.stringify(manifest));
  cpSync(file, join(folder, name, '1', 'model.onnx'));
  return folder;
}

function startClients() {
  const script = fileURLToPath(new URL('flood.mjs', import.meta.url));
  const clients = Array.from({ length: CLIENTS }, () => {
    const child = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
    return { child, answers: createInterface(child.stdout)[Symbol.asyncIterator]() };
  });
  return {
    /** `count` posts, shared by the clients. */
    async flood(url, files, count) {
      const task = { url, files, count: Math.ceil(count / CLIENTS), atATime: atATime / CLIENTS };
      const { ms, result } = await timed(() =>
        Promise.all(
          clients.map(async ({ child, answers }) => {
            child.stdin.write(`${JSON.stringify(task)}\n`);
            return JSON.parse((await answers.next()).value);
          }),
        ),
      );
      const latencies = result.flatMap((each) => each.latencies).sort((a, b) => a - b);
      const statuses = {};
      for (const each of result) {
        for (const [status, n] of Object.entries(each.statuses))
          statuses[status] = (statuses[status] ?? 0) + n;
      }
      const at = (share) => latencies[Math.floor(share * (latencies.length - 1))];
      const imagesPerSecond = (task.count * CLIENTS * 1000) / ms;
      return { imagesPerSecond, p50: at(0.5), p99: at(0.99), statuses };
    },
    close: () => {
      for (const { child } of clients) child.stdin.end();
    },
  };
}

async function measure(model, clients) {
  const { name, plan } = model;
  const files = model.files.length > 0 ? model.files : await writePhotographs(name === 'resnet50' ? 224 : 32);
  const bare = await bareEngine(model);
  const folder = writeRepository(model);
  for (const processes of small ? [1] : [6, 1]) {
    const { ms: readyMs, result: server } = await timed(() =>
      startServe({
        options: ['--models', folder, '--processes', String(processes)],
        env: { DENT_DEVICE: device, DENT_CACHE_DIR: join(folder, '.cache') },
        limitMs: START_LIMIT_MS,
      }),
    );
    try {
      for (const [recipe, posts] of Object.entries(plan)) {
        const url = `${server.url}/v1/predict?recipe=${encodeURIComponent(recipe)}`;
        await clients.flood(url, files, posts / 4);
        const served = await clients.flood(url, files, posts);
        const share = served.imagesPerSecond / bare[recipe];
        emit({
          step: 'served',
          model: name,
          recipe,
          processes,
          readyMs,
          ...served,
          bare: bare[recipe],
          share,
        });
      }
    } finally {
      await stopServe(server);
    }
  }
}

const clients = startClients();
try {
  for (const model of models) if ((options.model ?? model.name) === model.name) await measure(model, clients);
} finally {
  clients.close();
  rmSync(scratch, { recursive: true });
}

/**
 * Compares the attacks of `dent evaluate` with those of torchattacks, each alone, on the network as it is:
 * how many of the same images are right after them. README.md says what is needed.
 *
 *   npm run build && PYTHON=ENV/bin/python node bench/attacks/run.mjs [MODEL] --data DIR [--images 512]
 *     [--norm linf|l2] [--eps 0.0314] [--iterations 30] [--targets 3] [--targeted-iterations 20]
 *     [--queries 300] [--seeds 0,1] [--attacks APGD-CE,APGD-T,FAB-T,Square]
 *
 * MODEL is a model of the repository or an ONNX file, as for `dent evaluate`, and the images are those that
 * it would take.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const built = (path) => import(new URL(`../../dist/${path}.js`, import.meta.url));
const { findEvaluatedModel } = await built('cli/evaluated-model');
const { withEngine } = await built('cli/with-engine');
const { chooseImages, findImages, readBatch } = await built('evaluation/dataset');
const { openStaticNetwork, readEvaluatedModel } = await built('evaluation/evaluated-model');
const { takeRows } = await built('evaluation/row-parts');
const { Campaign } = await built('evaluation/attacks/campaign');
const { apgd } = await built('evaluation/attacks/apgd');
const { fab } = await built('evaluation/attacks/fab');
const { square } = await built('evaluation/attacks/square');
const { createImageDecoder } = await built('images/index');
const { loadConfig } = await built('config');

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    data: { type: 'string' },
    images: { type: 'string', default: '512' },
    norm: { type: 'string', default: 'linf' },
    eps: { type: 'string' },
    iterations: { type: 'string', default: '30' },
    targets: { type: 'string', default: '3' },
    'targeted-iterations': { type: 'string', default: '20' },
    queries: { type: 'string', default: '300' },
    seeds: { type: 'string', default: '0' },
    attacks: { type: 'string', default: 'APGD-CE,APGD-T,FAB-T,Square' },
  },
});
if (values.data === undefined) throw new Error('Name a folder of labelled images: --data DIR.');
const { norm } = values;
const eps = Number(values.eps ?? { linf: 8 / 255, l2: 0.5 }[norm]);
if (!(eps > 0)) throw new Error('--norm is linf or l2, and --eps a number above 0.');
const [iterations, targets, targetedIterations, queries] = [
  'iterations',
  'targets',
  'targeted-iterations',
  'queries',
].map((name) => Number(values[name]));
const seeds = values.seeds.split(',').map(Number);
const attacks = values.attacks.split(',');

const PEER = fileURLToPath(new URL('torchattacks_peer.py', import.meta.url));
const MODELS = fileURLToPath(new URL('../../models', import.meta.url));
/** Rows that are attacked together; Square draws the same squares for all of them, here and there. */
const ROWS = 128;
/** Draws nothing by chance, so one seed is enough. */
const WITHOUT_CHANCE = 'FAB-T';

/** One search after the other towards the most probable wrong classes, each on the rows that are left. */
async function towardsEach(campaign, search) {
  for (let k = 0; k < targets; k++) {
    const wrong = campaign.wrongClass(k);
    await campaign.run(`towards ${k}`, 1, 'rest', (run, rows) =>
      search(run, { targets: Int32Array.from(rows, (row) => wrong[row]), iterations: targetedIterations }),
    );
  }
}

const SEARCHES = {
  'APGD-CE': (campaign) => campaign.run('CE', 1, 'rest', (run) => apgd(run, { loss: 'ce', iterations })),
  'APGD-T': (campaign) => towardsEach(campaign, (run, how) => apgd(run, { loss: 'targeted-dlr', ...how })),
  'FAB-T': (campaign) => towardsEach(campaign, fab),
  Square: (campaign) => campaign.run('Square', 1, 'rest', (run) => square(run, { queries })),
};

const rowsOf = ({ images, labels }, rows) => ({
  images: takeRows(images, rows),
  labels: Int32Array.from(rows, (row) => labels[row]),
});

/** How many rows are right after each attack and seed, as the peer tells it too. */
async function ours(target, batch, hear) {
  const open = (part, seed) => Campaign.open({ batch: part, target, ball: { norm, eps }, seed });
  const { rest: right } = await open(batch, 0);
  hear({ attack: 'none', right: right.length });
  for (const attack of attacks) {
    for (const seed of attack === WITHOUT_CHANCE ? [0] : seeds) {
      let left = 0;
      for (let start = 0; start < right.length; start += ROWS) {
        const campaign = await open(rowsOf(batch, right.slice(start, start + ROWS)), 10_000 * seed + start);
        await SEARCHES[attack](campaign);
        left += campaign.rest.length;
      }
      hear({ attack, seed, right: left });
    }
  }
}

/** The same by torchattacks, in a process of its own. */
async function theirs(modelPath, { images, labels }, scaling, hear) {
  const folder = await mkdtemp(join(tmpdir(), 'dent-attacks-'));
  try {
    await writeFile(join(folder, 'images.f32'), images.data);
    await writeFile(join(folder, 'labels.i32'), labels);
    const asked = { model: modelPath, dims: images.dims, ...scaling, norm, eps, rows: ROWS, attacks, seeds };
    const budget = { iterations, targets, targetedIterations, queries };
    await writeFile(
      join(folder, 'asked.json'),
      JSON.stringify({ ...asked, ...budget, once: WITHOUT_CHANCE }),
    );
    const peer = spawn(process.env.PYTHON ?? 'python3', [PEER, folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const readLines = async () => {
      for await (const line of createInterface({ input: peer.stdout })) hear(JSON.parse(line));
    };
    // Together, because a program that is not there ends without having begun.
    const [[code]] = await Promise.all([once(peer, 'close'), readLines()]);
    if (code !== 0) throw new Error(`${PEER} does not end well; it says above why.`);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const mean = (numbers) => numbers.reduce((sum, one) => sum + one, 0) / numbers.length;

function print(count, figures) {
  const of = (name, attack) => figures.filter((one) => one.name === name && one.attack === attack);
  console.log(`\n${'right of '.concat(count).padEnd(16)}dent evaluate         torchattacks          points`);
  for (const attack of ['none', ...attacks]) {
    const [here, there] = ['dent evaluate', 'torchattacks'].map((name) =>
      of(name, attack).map(({ right }) => right),
    );
    const gap = (100 * (mean(here) - mean(there))) / count;
    const cells = [attack.padEnd(15), ...[here, there].map((each) => each.join(' ').padEnd(21))];
    console.log([...cells, gap.toFixed(2).padStart(6)].join(' '));
  }
}

const config = loadConfig({});
await withEngine({ device: 'cpu', threads: config.threads }, async (engine) => {
  const options = { models: MODELS };
  const found = await findEvaluatedModel(positionals[0] ?? 'cifar10-resnet14', options, engine);
  const { name, manifest, versions, hasLabels } = found;
  const { input, output, labels } = manifest;
  const [{ modelPath }] = versions;
  const classes = { labels: hasLabels ? labels : undefined, classes: labels.length };
  const { files } = await findImages(values.data, classes);
  const chosen = chooseImages(files, 0, Number(values.images));
  const batch = await readBatch(createImageDecoder({ maxPixels: config.maxPixels }), chosen, input);
  const source = { name, bytes: await readFile(modelPath), input, ...(output !== undefined && { output }) };
  const model = await readEvaluatedModel(engine, source);
  const figures = [];
  const hear = (from) => (figure) => {
    figures.push({ name: from, ...figure });
    console.log(from, JSON.stringify(figure));
  };
  console.log(
    `${name}, ${norm}, eps ${eps}: ${iterations} steps; ${targets} classes of ${targetedIterations}; ${queries} queries`,
  );
  await ours(openStaticNetwork(engine, model).at(), batch, hear('dent evaluate'));
  await theirs(modelPath, batch, model.scaling, hear('torchattacks'));
  print(chosen.length, figures);
});

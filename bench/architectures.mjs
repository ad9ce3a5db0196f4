/**
 * Compiles and runs the architectures that test/golden/architectures/sweep.py wrote into a folder, and prints
 * how much the answers differ from the expected ones.
 *
 *     node bench/architectures.mjs FOLDER [--only NAME,NAME] [--recipes dent,norm]
 *
 * The lines come first, then the table of docs/models.md. Run `npm run build` first.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const dist = new URL(process.env.DENT_DIST ?? '../dist/', import.meta.url);
const { compile, createRecipe } = await import(new URL('dent/index.js', dist));
const { createAdaptation, createEngine } = await import(new URL('engine/index.js', dist));
const { decodeModel } = await import(new URL('onnx/index.js', dist));

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { only: { type: 'string' }, recipes: { type: 'string' } },
});
const folder = positionals[0];
const names = (options.only?.split(',') ?? readdirSync(folder)).filter((n) =>
  existsSync(join(folder, n, 'expected.json')),
);

/** The settings of a case under the names that recipes use. */
function recipeOf({ sigma_lr, ...settings }) {
  return createRecipe({ ...settings, ...(sigma_lr !== undefined && { sigmaLr: sigma_lr }) });
}

/** The images [N, 3, H, W] of an architecture, or the images that all of the folder share. */
function imagesOf(directory, dims) {
  const own = join(directory, 'images.f32');
  const { buffer, byteOffset, byteLength } = readFileSync(existsSync(own) ? own : join(folder, 'images.f32'));
  return { type: 'float32', dims, data: new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength)) };
}

/** The largest difference; NaN where any difference is NaN. */
const worst = (a, b) => a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i])), 0);

async function runCase(
  engine,
  images,
  name,
  { settings, tolerance, gap, effect, logits, entropies },
  model,
  scratch,
) {
  const recipe = recipeOf(settings);
  const start = performance.now();
  const compiled = await compile(model, recipe, engine);
  const compileSeconds = (performance.now() - start) / 1000;
  const path = join(scratch, 'graph.onnx');
  writeFileSync(path, compiled.bytes);
  const { input, output } = compiled;
  const loaded = await createAdaptation(engine).load({ name, path, input, output });
  const before = performance.now();
  const answer = await loaded.run(images, recipe.steps);
  const runSeconds = (performance.now() - before) / 1000;
  await loaded.release();
  const difference = worst(answer.logits.data, logits.flat());
  const entropyDifference = worst(answer.entropy.data, entropies.flat());
  return {
    name,
    difference,
    entropyDifference,
    tolerance,
    gap,
    effect,
    compileSeconds,
    runSeconds,
    megabytes: compiled.bytes.length / 1e6,
  };
}

const brief = (x) => x.toExponential(0);

/** One row for each architecture: worst difference / tolerance by recipe. */
function markdown(rows) {
  const recipes = [...new Set(rows.flatMap(({ cells }) => Object.keys(cells)))];
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const header = ['architecture', 'parameters', 'operators', ...recipes];
  const body = rows.map(({ name, parameters, ops, cells }) => [
    name,
    parameters === undefined ? '' : `${(parameters / 1e6).toFixed(1)} M`,
    ops,
    ...recipes.map((recipe) => cells[recipe] ?? ''),
  ]);
  return [header, header.map(() => '---'), ...body].map(line).join('\n');
}

const engine = createEngine({ device: 'cpu', threads: 1, runTimeoutMs: 600_000 });
const scratch = mkdtempSync(join(tmpdir(), 'architectures-'));
let failures = 0;
const table = [];
try {
  for (const name of names) {
    const directory = join(folder, name);
    const model = readFileSync(join(directory, 'model.onnx'));
    const ops = new Set(decodeModel(model).graph.nodes.map((node) => node.opType));
    const expected = JSON.parse(readFileSync(join(directory, 'expected.json'), 'utf8'));
    const images = imagesOf(directory, expected.images);
    const cells = {};
    table.push({ name, parameters: expected.parameters, ops: ops.size, cells });
    for (const [recipe, details] of Object.entries(expected.cases)) {
      if (options.recipes && !options.recipes.split(',').includes(recipe)) continue;
      try {
        const r = await runCase(engine, images, recipe, details, model, scratch);
        const passed = r.difference <= r.tolerance;
        if (!passed) failures++;
        cells[recipe] =
          `${passed ? '' : '**'}${brief(r.difference)} / ${brief(r.tolerance)}${passed ? '' : '**'}`;
        console.log(
          `${passed ? 'ok  ' : 'FAIL'} ${name} ${recipe}: ${r.difference.toExponential(1)} of ${r.tolerance.toExponential(1)}` +
            ` (float32 itself ${r.gap.toExponential(1)}, effect ${r.effect.toExponential(1)}), entropy ${r.entropyDifference.toExponential(1)}, ${ops.size} ops,` +
            ` compiled in ${r.compileSeconds.toFixed(1)} s to ${r.megabytes.toFixed(0)} MB, run in ${r.runSeconds.toFixed(1)} s`,
        );
      } catch (error) {
        failures++;
        cells[recipe] = 'refused';
        console.log(`FAIL ${name} ${recipe}: ${error.message}`);
      }
    }
  }
} finally {
  rmSync(scratch, { recursive: true });
  await engine.close();
}
console.log(`\n${markdown(table)}`);
process.exitCode = failures > 0 ? 1 : 0;

/**
 * Everything that is to be measured on a GPU, step by step. Each step is a process of its own under a time
 * limit, so one that hangs or fails keeps none of the others from running. Results are written as they come,
 * one JSON object a line.
 *
 *   node bench/gpu/run.mjs --out results.jsonl [--device cuda] [--only parity,steps] [--data DIR]
 *   [--resnet50 FILE] [--minutes 10] [--small]
 *
 * `--device cpu --small` tries the scripts themselves. README.md says how to bring them to a machine that
 * reaches no registry.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** The order matters where time runs out: correct first, then what the service is about. */
const STEPS = ['parity', 'sizes', 'steps', 'served', 'pytorch', 'placement'];

const { values } = parseArgs({
  options: {
    out: { type: 'string' },
    device: { type: 'string', default: 'cuda' },
    only: { type: 'string', default: STEPS.join(',') },
    data: { type: 'string' },
    resnet50: { type: 'string' },
    // For each step.
    minutes: { type: 'string', default: '10' },
    small: { type: 'boolean', default: false },
  },
});
if (values.out === undefined) throw new Error('--out names the file for the results.');

const write = (line) => {
  appendFileSync(values.out, `${line}\n`);
  console.log(line);
};

async function runStep(step) {
  const script = fileURLToPath(new URL(`${step}.mjs`, import.meta.url));
  const args = [script, '--device', values.device];
  if (values.small) args.push('--small');
  for (const name of ['data', 'resnet50'])
    if (values[name] !== undefined) args.push(`--${name}`, values[name]);
  const start = performance.now();
  // A group of its own, so that its servers and engines end with it.
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    process.kill(-child.pid, 'SIGKILL');
  }, Number(values.minutes) * 60_000);
  createInterface({ input: child.stdout }).on('line', write);
  const [code] = await once(child, 'close');
  clearTimeout(timer);
  const seconds = (performance.now() - start) / 1000;
  write(JSON.stringify({ step, ended: timedOut ? 'timeout' : code === 0 ? 'well' : 'failed', seconds }));
  return code === 0;
}

let allWell = true;
for (const step of values.only.split(',')) {
  if (!STEPS.includes(step)) throw new Error(`There is no step "${step}"; there are ${STEPS.join(', ')}.`);
  allWell = (await runStep(step)) && allWell;
}
process.exitCode = allWell ? 0 : 1;

/**
 * Posts a few photographs to a running server and prints the bundled model's answers, as it is and adapted:
 * `npm run demo`, or `npm run demo -- http://127.0.0.1:9000`.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { formatTable } from '../src/cli/table.ts';
import type { ClassProbability, Prediction } from '../src/inference/inference.ts';
import { PHOTOGRAPHS } from '../src/page/photographs.ts';
import { cutOut } from './photographs.ts';

const READY_WITHIN_MS = 60_000;
const [server = 'http://127.0.0.1:8080'] = process.argv.slice(2);

/** Waits while the server loads its models. */
async function untilReady(): Promise<void> {
  const givenUpMs = Date.now() + READY_WITHIN_MS;
  for (;;) {
    const response = await fetch(`${server}/v2/health/ready`).catch((cause: unknown) => {
      throw new Error(`No server answers at ${server}; "npm start" starts one.`, { cause });
    });
    if (response.ok) return;
    const body = await response.text();
    if (Date.now() > givenUpMs) throw new Error(`The server at ${server} is not ready: ${body}`);
    await pause(500);
  }
}

async function predict(image: Buffer): Promise<Prediction> {
  const response = await fetch(`${server}/v1/models/cifar10-resnet14/predict`, {
    method: 'POST',
    headers: { 'content-type': 'image/jpeg' },
    body: new Uint8Array(image),
  });
  if (!response.ok) throw new Error(`The server answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as Prediction;
}

const judge = ({ label, probability }: ClassProbability, shows: string): string[] => [
  `${label} ${(100 * probability).toFixed(1)} %`,
  label === shows ? 'right' : 'wrong',
];

async function main(): Promise<void> {
  await untilReady();
  const answers = await Promise.all(PHOTOGRAPHS.map(async (subject) => predict(await cutOut(subject))));
  const rows = answers.map(({ predictions, static: asItIs, adaptation }, i) => {
    const { name, shows } = PHOTOGRAPHS[i]!;
    const entropies = [adaptation.entropy_before, adaptation.entropy_after].map((nats) => nats.toFixed(3));
    return [name, shows, ...judge(asItIs, shows), ...judge(predictions[0]!, shows), entropies.join(' → ')];
  });
  const heading = ['photograph', 'shows', 'model as it is', '', 'adapted', '', 'entropy (nats)'];
  const right = (column: number): number => rows.filter((row) => row[column] === 'right').length;
  process.stdout.write(formatTable([heading, ...rows]));
  process.stdout.write(
    `\nRight: ${right(3)} of ${rows.length} as it is, ${right(5)} of ${rows.length} adapted with the recipe "${answers[0]!.adaptation.applied}".\n` +
      'The cuts were chosen by eye among about twenty: so few pictures say nothing of accuracy.\n' +
      'The model knows 32x32 colour photographs of our time, and these are old prints. Adaptation makes an answer certain, not\n' +
      'right: trust the probability of the model as it is. Figures for its accuracy: models/cifar10-resnet14/README.md.\n',
  );
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}

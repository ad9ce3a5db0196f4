import { Command, InvalidArgumentError, Option } from 'commander';
import { loadConfig } from '../config.ts';
import { InputError } from '../errors.ts';
import { htmlPage, shiftNames } from '../evaluation/index.ts';
import { readApiKey } from './api-key.ts';
import { addEngineOptions } from './engine-options.ts';
import { addAttackOptions } from './evaluate-attacks.ts';
import { type EvaluateOptions, evaluateModel } from './evaluate-model.ts';
import { evaluationText, replayText } from './evaluation-table.ts';
import { addOutputOption, addSizeOption } from './model-file.ts';
import { replay } from './replay.ts';
import { addCommonOptions } from './setting-options.ts';
import { wholeNumber } from './whole-number.ts';
import { withEngine } from './with-engine.ts';
import { checkWritable, writeWhole } from './write-file.ts';

interface Options extends Omit<EvaluateOptions, 'data'> {
  readonly data?: string;
  readonly html?: string;
  readonly json?: boolean;
  readonly replay?: string;
  readonly url?: string;
  readonly apiKeyFile?: string;
}

/** Resolves when the text has left the process, which may end next. */
const print = (text: string): Promise<void> =>
  new Promise((resolve) => process.stdout.write(text, () => resolve()));

const asJson = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

async function evaluateImages(
  named: string,
  data: string,
  { html, json, ...options }: Options,
  command: Command,
): Promise<void> {
  const { threads } = loadConfig(options);
  if (html !== undefined) await checkWritable(html);
  await withEngine({ device: options.device, threads }, async (engine) => {
    const { report, ...parts } = await evaluateModel(engine, named, { ...options, data }, command);
    // Within, because a command that was ended early ends with its engine.
    if (html !== undefined) {
      const says = Object.entries(options.attacks).map(([name, attack]) => [name, attack.says]);
      const page = await htmlPage(report, { ...parts, attacks: Object.fromEntries(says) });
      await writeWhole(html, Buffer.from(page));
    }
    await print(json ? asJson(report) : evaluationText(report));
  });
}

/** Rejects with `InputError`, after the figures, where the server's answers are others. */
async function replayBatches(
  dir: string,
  url: string,
  model: string | undefined,
  { json, apiKeyFile }: Options,
): Promise<void> {
  const apiKey = apiKeyFile === undefined ? undefined : await readApiKey(apiKeyFile);
  const { replayed, differences } = await replay({ dir, url, model, apiKey });
  await print(json ? asJson(replayed) : replayText(replayed));
  const [rows, differ] = [replayed.map((each) => each.rows), replayed.map((each) => each.differ)].map((all) =>
    all.reduce((a, b) => a + b, 0),
  ) as [number, number];
  if (differ > 0) {
    const why =
      differences.length > 0
        ? differences.join(' ')
        : "Replay while nobody else uses the server, with a maxBatchSize of at least the batches' size.";
    throw new InputError(
      `${url} does not confirm the figures: ${differ} of ${rows} answers are others. ${why}`,
    );
  }
  for (const difference of differences)
    process.stderr.write(`dent: ${difference} Its answers are the same.\n`);
}

async function evaluate(named: string | undefined, options: Options, command: Command): Promise<void> {
  const { replay: dir, url, data } = options;
  if (dir !== undefined) {
    if (url === undefined) return command.error('error: --replay needs --url, such as http://localhost:8080');
    return replayBatches(dir, url, named, options);
  }
  if (named === undefined) {
    return command.error(
      'error: name a model of the repository or an ONNX file; without one there is --replay',
    );
  }
  if (data === undefined) {
    return command.error('error: --data is missing: a folder that holds a folder of images for each class');
  }
  await evaluateImages(named, data, options, command);
}

function parseNames(text: string): string[] {
  const names = text.split(',').map((part) => part.trim());
  if (names.includes('')) throw new InvalidArgumentError('It must be names with commas between them.');
  return names;
}

function parseShifts(text: string): string[] {
  try {
    return shiftNames(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

function parseUrl(text: string): string {
  if (/^https?:\/\//.test(text) && URL.canParse(text)) return text;
  throw new InvalidArgumentError('It must be an address such as http://localhost:8080.');
}

/** `dent evaluate`: what recipes are worth on labelled images. */
export function evaluateCommand(): Command {
  const command = new Command('evaluate')
    .description(
      'Measure what recipes are worth on labelled images: as they are, under natural shifts, and under attacks. Each recipe runs on the same batches, as the server would run it.',
    )
    .argument('[model]', 'a model of the repository, or an ONNX file')
    .option(
      '--data <dir>',
      'a folder that holds a folder of images for each class, named by its label or index',
    )
    .option(
      '--recipes <list>',
      "presets or recipes of the model (default: the model's); static is always among them",
      parseNames,
    )
    .addOption(
      new Option('--shifts <list>', 'none, all (the eight), common, or names such as noise,fog-3')
        .argParser(parseShifts)
        .default([], 'none'),
    )
    .option(
      '--images <n>',
      'how many of the images to take, at random (default: all)',
      wholeNumber(1, 10_000_000),
    )
    .option('--batch-size <n>', 'images adapted together', wholeNumber(1, 1_000_000), 128)
    .option('--seed <n>', 'the seed of everything random', wholeNumber(0, 2 ** 31), 0);
  addAttackOptions(command);
  addCommonOptions(command, 'models', 'cacheDir');
  addSizeOption(addOutputOption(addEngineOptions(command)), '224');
  return command
    .option('--html <file>', 'write a report with plots, as one HTML file')
    .option('--save <dir>', 'keep the batches that were measured')
    .option('--replay <dir>', 'instead, post the batches of --save to a running server, and compare')
    .option('--url <url>', 'where that server is', parseUrl)
    .option('--api-key-file <file>', 'a file that holds the API key for that server')
    .option('--json', 'print one JSON object')
    .action(evaluate);
}

import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { copyFile, lstat, mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Command } from 'commander';
import { type Config, loadConfig } from '../config.ts';
import { InputError } from '../errors.ts';
import { type ManifestDraft, SAFE_NAME } from '../models/index.ts';
import { weightFiles } from '../onnx/index.ts';
import { checkAsServed } from './check.ts';
import { draftOf } from './draft.ts';
import { fileError } from './file-error.ts';
import {
  addOutputOption,
  addSizeOption,
  COMMON_SIZE,
  compilerHints,
  readModelFile,
  type SizeOption,
} from './model-file.ts';
import { addCommonOptions } from './setting-options.ts';
import { withEngine } from './with-engine.ts';

interface InitOptions extends SizeOption, Partial<Pick<Config, 'models' | 'threads' | 'cacheDir'>> {
  readonly name: string;
  readonly output?: string;
}

/** Checks before long work whether the model can have that name. Rejects with `InputError`. */
async function checkFree(target: string, name: string): Promise<void> {
  if (!SAFE_NAME.test(name)) {
    throw new InputError(
      `--name: "${name}" is no name of a model, which has letters, digits and . _ + - only, at most 64 of them.`,
    );
  }
  const isThere = await lstat(target).then(
    () => true,
    () => false,
  );
  if (!isThere) return;
  throw new InputError(
    `${target}: it is there already and is left as it is; take another --name, or put the file in as a new version, such as ${join(target, '2/model.onnx')}.`,
  );
}

/** Writes the model's folder into `root`, with all of its files. */
async function writeFolder(root: string, name: string, file: string, draft: ManifestDraft): Promise<void> {
  const version = join(root, name, '1');
  await mkdir(version, { recursive: true });
  await copyFile(file, join(version, 'model.onnx'));
  for (const weights of await weightFiles(file)) {
    await mkdir(dirname(join(version, weights)), { recursive: true });
    await copyFile(join(dirname(file), weights), join(version, weights));
  }
  await writeFile(join(root, name, 'model.json'), `${JSON.stringify(draft.manifest, null, 2)}\n`);
}

/**
 * Puts the model into a repository of its own beside the others, which a server passes over. Tests there
 * whether it could be served. Only then gives it its name, all at once.
 */
async function install(file: string, draft: ManifestDraft, name: string, config: Config): Promise<void> {
  const { models } = config;
  const trial = join(models, `.init-${randomUUID()}`);
  const clean = (): void => rmSync(trial, { recursive: true, force: true });
  // Ctrl-C ends the process in the middle of the test.
  process.once('exit', clean);
  try {
    await writeFolder(trial, name, file, draft).catch((error: unknown) => {
      throw fileError(models, 'written', error);
    });
    const { threads, cacheDir } = config;
    const { faults } = await checkAsServed({ models: trial, threads, cacheDir });
    if (faults.length > 0) throw new InputError(faults.map((fault) => fault.replaceAll(`${trial}/`, '')));
    await rename(join(trial, name), join(models, name)).catch((error: unknown) => {
      throw fileError(join(models, name), 'written', error);
    });
  } finally {
    clean();
    process.off('exit', clean);
  }
}

const list = (heading: string, lines: readonly string[]): string =>
  lines.length === 0 ? '' : `${heading}\n${lines.map((line) => `- ${line}\n`).join('')}`;

function report(target: string, { guesses, findings }: ManifestDraft): string {
  return [
    `${target}: written, and accepted by dent check.\n`,
    list('Read from the file:', findings),
    list(`Guessed; edit ${join(target, 'model.json')} where it is otherwise:`, guesses),
  ].join('');
}

async function init(file: string, options: InitOptions): Promise<void> {
  const { name } = options;
  const config = loadConfig(options);
  const target = join(config.models, name);
  await checkFree(target, name);
  const { bytes } = await readModelFile(file);
  const { size = COMMON_SIZE, output } = options;
  const draft = await withEngine({ device: 'cpu', threads: 1 }, (engine) =>
    draftOf(engine, { path: file, bytes }, compilerHints(size, output)),
  );
  await install(file, draft, name, config);
  process.stdout.write(report(target, draft));
}

/** `dent init`: puts a model into the repository, with a manifest. */
export function initCommand(): Command {
  const command = new Command('init')
    .description('Add a model to a repository, with a manifest drafted from its file. Prints every guess.')
    .argument('<model.onnx>', 'an image classifier')
    .requiredOption('--name <name>', "the model's name in the repository");
  addCommonOptions(command, 'models', 'threads', 'cacheDir');
  return addOutputOption(addSizeOption(command, '224')).action(init);
}

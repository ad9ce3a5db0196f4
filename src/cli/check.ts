import { Command } from 'commander';
import { compileInThread } from '../app/threads/compile-in-thread.ts';
import { type Config, loadConfig } from '../config.ts';
import { createAdaptation } from '../engine/index.ts';
import {
  type CheckedRepository,
  checkRepository,
  createArtifactCache,
  otherCalibrations,
} from '../models/index.ts';
import { createProgress, type Progress } from './progress.ts';
import { addCommonOptions } from './setting-options.ts';
import { withEngine } from './with-engine.ts';

type CheckOptions = Partial<Pick<Config, 'threads' | 'cacheDir'>>;

/** Everything that `dent serve` would find in the repository of `config`. */
export async function checkAsServed({
  models: root,
  defaultModel,
  threads,
  cacheDir,
}: Pick<Config, 'models' | 'defaultModel' | 'threads' | 'cacheDir'>): Promise<CheckedRepository> {
  let progress: Progress | undefined;
  const onProgress = (done: number, of: number): void => {
    progress ??= createProgress(of, 'models');
    progress.update(done);
  };
  try {
    return await withEngine({ device: 'cpu', threads }, (engine) => {
      const cache = createArtifactCache(
        { compile: compileInThread, runner: engine },
        { dir: cacheDir, device: 'cpu' },
      );
      const named = defaultModel !== undefined && { defaultModel };
      return checkRepository(
        { adaptation: createAdaptation(engine), cache, runner: engine },
        { root, onProgress, ...named },
      );
    });
  } finally {
    progress?.stop();
  }
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

function summary(root: string, { versions }: CheckedRepository): string {
  const models = new Set(versions.map(({ name }) => name)).size;
  const list = versions.map(({ name, version, manifest: { input, labels, recipes } }) => {
    const size = `${input.width} x ${input.height}`;
    return `${name}:${version} (${size}, ${labels.length} classes, ${Object.keys(recipes).join(' ')})`;
  });
  return `${root}: ${counted(models, 'model')}, ${counted(versions.length, 'version')}, no fault: ${list.join(', ')}.\n`;
}

async function check(dir: string | undefined, options: CheckOptions): Promise<void> {
  const config = loadConfig({ ...options, ...(dir !== undefined && { models: dir }) });
  const checked = await checkAsServed(config);
  for (const { path, reason } of checked.passedOver)
    process.stderr.write(`dent: warning: ${path}: ${reason}\n`);
  for (const version of checked.versions) {
    for (const warning of otherCalibrations(version))
      process.stderr.write(`dent: warning: ${version.name}:${version.version}: ${warning}\n`);
  }
  if (checked.faults.length === 0) {
    process.stdout.write(summary(config.models, checked));
    return;
  }
  for (const fault of checked.faults) process.stdout.write(`${fault.replaceAll('\n', ' ')}\n`);
  process.exitCode = 1;
}

/** `dent check`: every fault in a repository. */
export function checkCommand(): Command {
  const command = new Command('check')
    .description(
      'Read, compile and open the models of a repository as `dent serve` would, without serving, and print every fault, one line each.',
    )
    .argument('[dir]', 'the model repository (default: models)');
  addCommonOptions(command, 'threads', 'cacheDir');
  return command.action(check);
}

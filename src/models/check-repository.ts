import { type GraphRunner, inspect } from '../dent/index.ts';
import { InputError, naming } from '../errors.ts';
import { readModelFile } from './describe-version.ts';
import { type LoadVersionDeps, readVersion } from './load-version.ts';
import type { DescribedVersion } from './model.ts';
import { openAndWarm } from './model-repositories.ts';
import { noDefault } from './open-repository.ts';
import {
  type FoundModel,
  type FoundVersion,
  listRepository,
  type ModelFolder,
  type PassedOver,
  type RepositoryListing,
} from './repository-scan.ts';

export interface CheckDeps extends LoadVersionDeps {
  /** Answers questions about a model whose manifest is at fault. */
  readonly runner: GraphRunner;
}

export interface CheckOptions {
  readonly root: string;
  /** As in `RepositoryOptions`. */
  readonly defaultModel?: string;
  /** Hears how many models are done. */
  readonly onProgress?: (done: number, of: number) => void;
}

/** What a server would find in a repository. */
export interface CheckedRepository {
  /** A sentence for each fault, in the order of the models. */
  readonly faults: readonly string[];
  readonly passedOver: readonly PassedOver[];
  /** What would be served. */
  readonly versions: readonly DescribedVersion[];
}

/**
 * The result of `work`, or a sentence for each of its faults. A fault in one version does not stop the check
 * of the next.
 */
async function attempt<T>(path: string, faults: string[], work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof InputError) faults.push(...error.faults);
    else faults.push(`${path}: it cannot be loaded (${(error as Error).message}).`);
    return undefined;
  }
}

/** Does all that the server does to a version before it serves. */
async function tryToServe(
  deps: CheckDeps,
  model: FoundModel,
  version: FoundVersion,
): Promise<DescribedVersion> {
  const { open } = await readVersion(deps, model, version);
  const serving = await openAndWarm(open);
  await serving.release();
  return serving;
}

/** Without a manifest, the check can only say whether a model is a classifier. */
async function tryToRead({ runner }: CheckDeps, { modelPath }: FoundVersion): Promise<undefined> {
  const { bytes } = await readModelFile(modelPath);
  const { classes, unsupported } = await naming(modelPath, () => inspect(bytes, runner));
  if (classes !== undefined || unsupported.length === 0) return;
  throw new InputError(unsupported.map((sentence) => `${modelPath}: ${sentence}`));
}

async function checkFolder(deps: CheckDeps, folder: ModelFolder): Promise<CheckedRepository> {
  const faults: string[] = [];
  const versions: DescribedVersion[] = [];
  const model = await attempt(folder.path, faults, () => folder.read());
  for (const version of model?.versions ?? (await folder.versions())) {
    const served = await attempt(version.modelPath, faults, async () => {
      if (version.fault) throw version.fault;
      return model ? tryToServe(deps, model, version) : tryToRead(deps, version);
    });
    if (served) versions.push(served);
  }
  return { faults, versions, passedOver: model?.passedOver ?? [] };
}

/**
 * Reads, compiles, opens and warms every version of the repository as a server does at its start. Reports
 * every fault and not just the first. Never rejects for faults that a person must mend.
 */
export async function checkRepository(deps: CheckDeps, options: CheckOptions): Promise<CheckedRepository> {
  const { root, defaultModel, onProgress = () => {} } = options;
  const faults: string[] = [];
  const nothing: RepositoryListing = { folders: [], passedOver: [] };
  const { folders, passedOver } = (await attempt(root, faults, () => listRepository(root))) ?? nothing;
  if (
    folders.length > 0 &&
    defaultModel !== undefined &&
    !folders.some(({ name }) => name === defaultModel)
  ) {
    faults.push(
      noDefault(
        root,
        defaultModel,
        folders.map(({ name }) => name),
      ).message,
    );
  }
  const checked: CheckedRepository[] = [];
  for (const [i, folder] of folders.entries()) {
    onProgress(i, folders.length);
    checked.push(await checkFolder(deps, folder));
  }
  return {
    faults: [...faults, ...checked.flatMap((each) => each.faults)],
    passedOver: [...passedOver, ...checked.flatMap((each) => each.passedOver)],
    versions: checked.flatMap((each) => each.versions),
  };
}

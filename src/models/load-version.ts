import { cutting, PRESETS, type Reading, type Recipe, smallBatchPreset } from '../dent/index.ts';
import type {
  Adaptation,
  AdaptedRows,
  Artifact,
  LoadedArtifact,
  OnProgress,
} from '../engine/adaptation/adaptation.ts';
import { InputError, naming } from '../errors.ts';
import { elementCount, float32, type Tensor } from '../tensor.ts';
import { type ArtifactCache, type CachedArtifact, compileKey } from './artifact-cache.ts';
import { contentHash, outputHint, readModelFile } from './describe-version.ts';
import type { DescribedVersion, InputSpec, Manifest, ModelVersion } from './model.ts';
import type { FoundModel, FoundVersion } from './repository-scan.ts';
import { restoring } from './restored-artifact.ts';

/** A version whose artifacts the engine has opened. */
export interface ServingVersion extends ModelVersion {
  /**
   * Adapts `rows` ([N, C, H, W]) under `recipe`, which is one of the manifest's, or the preset that replaces
   * one.
   */
  run(recipe: Recipe, rows: Tensor<'float32'>, onProgress?: OnProgress): Promise<AdaptedRows>;
  /** Runs every artifact once, so that no request pays for first allocations. */
  warm(): Promise<void>;
  /** Frees the engine's sessions after the calls in flight. */
  release(): Promise<void>;
}

export interface LoadVersionDeps {
  readonly adaptation: Adaptation;
  readonly cache: ArtifactCache;
  /** Hears that a served graph, which it names, cannot be opened any more and is made anew. */
  readonly onRestoring?: (graph: string, reason: string) => void;
}

/** [C, H, W] of the rows that `input` makes. */
export const rowShape = (input: InputSpec): readonly [number, number, number] => [
  input.channels === 'gray' ? 1 : 3,
  input.height,
  input.width,
];

/** The presets that replace `recipes` in batches too small for one of them. */
function fallbackPresets(recipes: Readonly<Record<string, Recipe>>): Set<'isolated' | 'static'> {
  const presets = Object.values(recipes).map(smallBatchPreset);
  return new Set(presets.filter((preset) => preset !== undefined));
}

/** Whether rows hold unnormalised pixels. */
const feedsPixels = ({ scale, mean, std }: InputSpec): boolean =>
  scale === 1 && mean.every((each) => each === 0) && std.every((each) => each === 1);

function checkAgainstManifest(artifact: CachedArtifact, model: FoundModel, modelPath: string): void {
  const { labels, input } = model.manifest;
  const faults: string[] = [];
  if (labels.length !== artifact.classes) {
    faults.push(
      `${model.manifestPath}: the field "labels" has ${labels.length} entries; ${modelPath} has ${artifact.classes} classes. List a label for each class, in the order of the output "${artifact.output}".`,
    );
  }
  const shape = rowShape(input);
  if (artifact.imageShape.some((size, axis) => size !== -1 && size !== shape[axis])) {
    faults.push(
      `${model.manifestPath}: the field "input" makes images of ${shape.join(' x ')} (channels, height, width); ${modelPath} takes ${artifact.imageShape.join(' x ')}. Set its "channels", "height" and "width" to that.`,
    );
  }
  if (artifact.reading.input.type === 'uint8' && !feedsPixels(input)) {
    faults.push(
      `${model.manifestPath}: ${modelPath} takes the bytes of pixels (uint8) and normalises them itself, so "input.scale" must be 1, and "input.mean" and "input.std" must be left out.`,
    );
  }
  if (faults.length > 0) throw new InputError(faults);
}

interface OpenArtifact {
  /** The first of the recipes that share the graph. */
  readonly recipe: Recipe;
  readonly artifact: Artifact;
  readonly reading: Reading;
  readonly loaded: LoadedArtifact;
}

/** One update touches every node of the graph. */
async function warm({ recipe, loaded }: OpenArtifact, manifest: Manifest): Promise<void> {
  for (const count of loaded.warmUpSizes(manifest.batching.maxBatchSize)) {
    const dims = [count, ...rowShape(manifest.input)];
    await loaded.run(float32(dims, new Float32Array(elementCount(dims))), Math.min(1, recipe.steps));
  }
}

/** Opens one graph for each distinct `compileKey`; recipes that share a graph share its sessions. */
function createArtifactOpener(
  { adaptation, cache, onRestoring }: LoadVersionDeps,
  model: FoundModel,
  { version, modelPath }: FoundVersion,
  bytes: Uint8Array,
  sha256: string,
) {
  const open = new Map<string, OpenArtifact>();
  /** By each recipe that was run: a manifest that is read again has others, equal to those before. */
  const graphs = new WeakMap<Recipe, LoadedArtifact>();
  const { manifest } = model;

  async function openNew(recipeName: string, recipe: Recipe): Promise<OpenArtifact> {
    const { precision } = manifest;
    const hints = {
      imageShape: rowShape(manifest.input),
      ...outputHint(manifest),
      // A CPU computes in float32 whatever the manifest asks of a GPU.
      ...(precision === 'fp16' && cache.device === 'cuda' && { activations: precision }),
    };
    const fromCache = () => naming(modelPath, () => cache.get(bytes, sha256, recipe, hints));
    const cached = await fromCache();
    checkAgainstManifest(cached, model, modelPath);
    const { path, input, output } = cached;
    const name = `${model.name}:${version}/${recipeName}`;
    const artifact = {
      name,
      path,
      input,
      output,
      ...(precision && { precision }),
      ...cutting(recipe, cached),
    };
    const loaded = await naming(modelPath, () => adaptation.load(artifact));
    const restored = restoring(loaded, (reason) => {
      onRestoring?.(name, reason.message);
      return fromCache();
    });
    return { recipe, artifact, reading: cached.reading, loaded: restored };
  }

  function graphFor(recipe: Recipe): LoadedArtifact {
    const known = graphs.get(recipe) ?? open.get(compileKey(recipe))?.loaded;
    if (known === undefined) throw new Error(`${model.name} has no artifact for this recipe. This is a bug.`);
    graphs.set(recipe, known);
    return known;
  }

  return {
    open,
    graphFor,
    async openFor(recipeName: string, recipe: Recipe): Promise<Artifact> {
      const key = compileKey(recipe);
      const opened = open.get(key) ?? (await openNew(recipeName, recipe));
      open.set(key, opened);
      return opened.artifact;
    },
    async release(): Promise<void> {
      await Promise.all(Array.from(open.values(), ({ loaded }) => loaded.release()));
    },
  };
}

async function openVersion(
  deps: LoadVersionDeps,
  model: FoundModel,
  found: FoundVersion,
  { bytes, sha256 }: Awaited<ReturnType<typeof readModelFile>>,
  content: string,
): Promise<ServingVersion> {
  const { name, manifest } = model;
  const { open, graphFor, openFor, release } = createArtifactOpener(deps, model, found, bytes, sha256);
  const artifacts: Record<string, Artifact> = {};
  try {
    const faults = new Set<string>();
    for (const [recipeName, recipe] of Object.entries(manifest.recipes)) {
      try {
        artifacts[recipeName] = await openFor(recipeName, recipe);
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        // Recipes usually fail for the same reason, and one may have a reason of its own.
        for (const fault of error.faults) faults.add(fault);
      }
    }
    if (faults.size > 0) throw new InputError([...faults]);
    for (const preset of fallbackPresets(manifest.recipes)) await openFor(preset, PRESETS[preset]);
  } catch (error) {
    await release();
    throw error;
  }
  // Any recipe will do: `dent predict` opens only the requested one.
  const { input, output } = Object.values(artifacts)[0]!;
  const [{ reading }] = [...open.values()] as [OpenArtifact];
  return {
    name,
    version: found.version,
    sha256,
    // The graphs of all recipes have the model's own names.
    tensors: { input, output, ...(reading.input.type === 'uint8' && { pixels: true }) },
    reading,
    content,
    manifest,
    artifacts,
    run: async (recipe, rows, onProgress) => graphFor(recipe).run(rows, recipe.steps, onProgress),
    async warm() {
      for (const artifact of open.values()) await warm(artifact, manifest);
    },
    release,
  };
}

/** A version whose files have been read, but not compiled. */
export interface ReadVersion<V extends DescribedVersion> extends Pick<DescribedVersion, 'content'> {
  open(): Promise<V>;
}

/**
 * Reads a version. `open` compiles it for every recipe that it may have to run, and opens the graphs in the
 * engine. Both reject with `InputError` naming the file at fault.
 */
export async function readVersion(
  deps: LoadVersionDeps,
  model: FoundModel,
  found: FoundVersion,
): Promise<ReadVersion<ServingVersion>> {
  const file = await readModelFile(found.modelPath);
  const content = contentHash(model.name, found.version, file.sha256, model.manifest);
  return { content, open: () => openVersion(deps, model, found, file, content) };
}

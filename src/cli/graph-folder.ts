import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CompiledModel, type CompileOptions, compile, cutting, type Recipe } from '../dent/index.ts';
import {
  createAdaptation,
  type Device,
  type Engine,
  type LoadedArtifact,
  type Precision,
} from '../engine/index.ts';
import { naming } from '../errors.ts';
import { farCacheHere } from '../models/index.ts';
import { fileError } from './file-error.ts';
import type { ModelFile } from './model-file.ts';
import { printReading } from './print-reading.ts';

/** A self-adapting graph that can run, and facts about the model it was compiled from. */
export interface OpenGraph extends Omit<CompiledModel, 'bytes'>, Pick<LoadedArtifact, 'run'> {
  readonly recipe: Recipe;
}

/** Graphs of one model, for as long as a command runs. */
export interface GraphFolder {
  /**
   * Compiles the model for `recipe` and opens the graph. Rejects with `InputError` naming the model's file.
   */
  open(recipe: Recipe): Promise<OpenGraph>;
  /** Deletes the files. The engine frees the sessions when it closes. */
  remove(): Promise<void>;
}

export interface GraphFolderOptions extends Pick<CompileOptions, 'imageShape' | 'output'> {
  /** Where the engine runs. */
  readonly device: Device;
  readonly precision: Precision;
}

export async function createGraphFolder(
  engine: Engine,
  model: ModelFile,
  { device, precision, ...hints }: GraphFolderOptions,
): Promise<GraphFolder> {
  const folder = await mkdtemp(join(tmpdir(), 'dent-')).catch((error) => {
    throw fileError(tmpdir(), 'written', error);
  });
  let graphs = 0;
  return {
    async open(recipe) {
      const { bytes, ...compiled } = await naming(model.path, () =>
        compile(model.bytes, recipe, engine, {
          ...hints,
          target: device,
          inPasses: true,
          farCache: farCacheHere(),
          isPadded: engine.fillsBatches,
          ...(precision === 'fp16' && device === 'cuda' && { activations: precision }),
        }),
      );
      if (graphs === 0) printReading(model.path, compiled.reading);
      graphs += 1;
      const path = join(folder, `${graphs}.onnx`);
      await writeFile(path, bytes).catch((error) => {
        throw fileError(path, 'written', error);
      });
      const { input, output } = compiled;
      const artifact = {
        name: model.path,
        path,
        input,
        output,
        precision,
        ...cutting(recipe, compiled),
      };
      const loaded = await createAdaptation(engine).load(artifact);
      return { ...compiled, recipe, run: loaded.run };
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

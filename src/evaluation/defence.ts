import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  appliedRecipe,
  type CompiledModel,
  type CompileOptions,
  compile,
  cutting,
  isSplittable,
  type Recipe,
  smallBatchPreset,
  updatesMade,
} from '../dent/index.ts';
import type { Engine, OpenGraph } from '../engine/engine.ts';
import { type AdaptedRows, createAdaptation, type LoadedArtifact } from '../engine/index.ts';
import { allFinite, float32, int64, rows as rowsOf, type Tensor } from '../tensor.ts';
import type { EvaluatedModel } from './evaluated-model.ts';
import { type Network, openNetwork } from './network.ts';
import type { PixelScaling } from './pixel-scaling.ts';
import { runRows } from './row-parts.ts';
import type { Defence, HoldOptions, OpenTarget, Served } from './target.ts';

export interface DefenceDeps {
  readonly engine: Engine;
  readonly model: EvaluatedModel;
}

/** Pixels in [0, 1] as the model's rows, rounded as the service rounds them. */
function toRows({ dims, data }: Tensor<'float32'>, { factor, offset }: PixelScaling): Tensor<'float32'> {
  const [n, channels, height, width] = dims as [number, number, number, number];
  const plane = height * width;
  const out = new Float32Array(data.length);
  for (let at = 0; at < n * channels; at++) {
    const channel = at % channels;
    const [f, o] = [factor[channel]!, offset[channel]!];
    for (let i = at * plane; i < (at + 1) * plane; i++) out[i] = data[i]! * f + o;
  }
  return float32(dims, out);
}

/** One recipe, compiled as the service compiles it. */
interface OpenRecipe {
  readonly recipe: Recipe;
  readonly loaded: LoadedArtifact;
}

/** As the service answers: a row that is not finite under the recipe is answered by the model as it is. */
function asServed({ logits, staticLogits, entropy }: AdaptedRows, recipe: Recipe): Served {
  const [n, classes] = logits.dims as [number, number];
  const answers = logits.data.slice();
  const steps = new Uint32Array(n);
  for (let row = 0; row < n; row++) {
    const trace = Float32Array.from({ length: entropy.dims[0]! }, (_, step) => entropy.data[step * n + row]!);
    const own = answers.subarray(row * classes, (row + 1) * classes);
    const isNumber = allFinite(own) && allFinite(trace);
    if (!isNumber) own.set(rowsOf(staticLogits, row, row + 1).data);
    steps[row] = isNumber ? updatesMade(trace, recipe, classes) : 0;
  }
  return { logits: float32([n, classes], answers), staticLogits, steps };
}

/** The self-adapting graph that also gives the parameters it ends at. */
interface Adapter {
  readonly graph: OpenGraph;
  readonly compiled: CompiledModel;
}

/**
 * What of one recipe is open; a recipe and the preset that stands in for it in small batches have one each.
 */
class Opened {
  readonly #deps: DefenceDeps;
  readonly #folder: string;
  readonly recipe: Recipe;
  #serving: Promise<OpenRecipe> | undefined;
  #adapter: Promise<Adapter> | undefined;
  #network: Network | undefined;

  constructor(deps: DefenceDeps, folder: string, recipe: Recipe) {
    this.#deps = deps;
    this.#folder = folder;
    this.recipe = recipe;
  }

  #compile(options: CompileOptions): Promise<CompiledModel> {
    const { engine, model } = this.#deps;
    return compile(model.bytes, this.recipe, engine, { ...model.hints, target: engine.device, ...options });
  }

  async #openServing(): Promise<OpenRecipe> {
    const { engine, model } = this.#deps;
    const { bytes, ...compiled } = await this.#compile({ inPasses: true });
    const path = join(this.#folder, 'served.onnx');
    await writeFile(path, bytes);
    const { input, output } = compiled;
    const artifact = { name: model.name, path, input, output, ...cutting(this.recipe, compiled) };
    const loaded = await createAdaptation(engine).load(artifact);
    return { recipe: this.recipe, loaded };
  }

  serving(): Promise<OpenRecipe> {
    this.#serving ??= this.#openServing();
    return this.#serving;
  }

  async #openAdapter(): Promise<Adapter> {
    const { engine, model } = this.#deps;
    const { bytes, ...rest } = await this.#compile({ exposesParameters: true });
    const sessions = engine.device === 'cpu' && isSplittable(this.recipe) ? 'every' : 'first';
    const source = { name: `The adapting graph of ${model.name}`, model: bytes };
    return { graph: await engine.open(source, { sessions, optimise: true }), compiled: { bytes, ...rest } };
  }

  network(): Network {
    const { engine, model } = this.#deps;
    this.#network ??= openNetwork({ engine, ...model }, this.recipe);
    return this.#network;
  }

  /** The parameters that a batch ends at. */
  async adapted(pixels: Tensor<'float32'>, { steps, signal }: HoldOptions): Promise<Tensor<'float32'>> {
    this.#adapter ??= this.#openAdapter();
    const { graph, compiled } = await this.#adapter;
    const { engine, model } = this.#deps;
    const cuts = engine.device === 'cpu' && isSplittable(this.recipe);
    const tensors = {
      [compiled.input]: toRows(pixels, model.scaling),
      steps: int64([], [steps ?? this.recipe.steps]),
    };
    const count = pixels.dims[0]!;
    // Parameters that all rows share come from one run: such a batch is not cut.
    const run = { fetches: ['parameters'], rowsPerRun: cuts ? compiled.rowsPerPart : count, signal };
    const { parameters } = await runRows(graph, { count, tensors }, run);
    return parameters as Tensor<'float32'>;
  }

  async release(): Promise<void> {
    const [serving, adapter] = await Promise.allSettled([this.#serving, this.#adapter]);
    if (serving.status === 'fulfilled') await serving.value?.loaded.release();
    if (adapter.status === 'fulfilled') await adapter.value?.graph.release();
    await this.#network?.release();
  }
}

/** Opens a model under one recipe, to be served and to be attacked. */
export async function openDefence(deps: DefenceDeps, name: string, recipe: Recipe): Promise<Defence> {
  const { model } = deps;
  const folder = await mkdtemp(join(tmpdir(), 'dent-evaluate-'));
  const opened = new Map<Recipe, Promise<Opened>>();
  async function create(of: Recipe): Promise<Opened> {
    return new Opened(deps, await mkdtemp(join(folder, 'recipe-')), of);
  }
  /** What a batch of so many rows is in fact run under. */
  function applied(rows: number): Promise<Opened> {
    const { recipe: of } = appliedRecipe(name, recipe, rows);
    const known = opened.get(of) ?? create(of);
    opened.set(of, known);
    return known;
  }
  async function release(): Promise<void> {
    for (const each of opened.values()) await (await each).release();
    await rm(folder, { recursive: true, force: true });
  }
  try {
    // What cannot be compiled says so now, not in the middle of an attack.
    await (await applied(Number.MAX_SAFE_INTEGER)).serving();
  } catch (error) {
    await release();
    throw error;
  }
  return {
    name,
    recipe,
    classes: model.prepared.classes,
    independentRows: isSplittable(recipe) && smallBatchPreset(recipe) === undefined,
    adapts: recipe.steps > 0 || recipe.statistics !== 'source' || recipe.sigma !== 'off',
    async serve(pixels, signal): Promise<Served> {
      signal?.throwIfAborted();
      const { recipe: of, loaded } = await (await applied(pixels.dims[0]!)).serving();
      return asServed(await loaded.run(toRows(pixels, model.scaling), of.steps), of);
    },
    async hold(pixels, options = {}): Promise<OpenTarget> {
      const of = await applied(pixels.dims[0]!);
      const hasParameters = of.recipe.steps > 0;
      return of.network().at(hasParameters ? await of.adapted(pixels, options) : undefined);
    },
    release,
  };
}

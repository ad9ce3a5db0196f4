import { appliedRecipe, type CompiledModel, compile, isSplittable, type Recipe } from '../dent/index.ts';
import type { Engine, OpenGraph } from '../engine/engine.ts';
import { int64, type Tensor } from '../tensor.ts';
import type { EvaluatedModel } from './evaluated-model.ts';
import { type Network, openNetwork } from './network.ts';
import { adapts, hasIndependentRows } from './passes.ts';
import { runRows } from './row-parts.ts';
import { inModelUnits, type ServedRecipe } from './served-recipe.ts';
import { smoothedTarget } from './smoothed.ts';
import type { Defence, HoldOptions, OpenTarget } from './target.ts';

export interface DefenceDeps {
  readonly engine: Pick<Engine, 'device' | 'open' | 'probe'>;
  readonly model: EvaluatedModel;
}

/** The self-adapting graph that also gives the parameters it ends at. */
interface Adapter {
  readonly graph: OpenGraph;
  readonly compiled: CompiledModel;
}

/**
 * What an attacker has opened of one recipe; a recipe and the preset that stands in for it in small batches
 * have one each.
 */
class Opened {
  readonly #deps: DefenceDeps;
  readonly recipe: Recipe;
  #adapter: Promise<Adapter> | undefined;
  #network: Network | undefined;

  constructor(deps: DefenceDeps, recipe: Recipe) {
    this.#deps = deps;
    this.recipe = recipe;
  }

  async #openAdapter(): Promise<Adapter> {
    const { engine, model } = this.#deps;
    const options = { ...model.hints, target: engine.device, exposesParameters: true };
    const compiled = await compile(model.bytes, this.recipe, engine, options);
    const sessions = engine.device === 'cpu' && isSplittable(this.recipe) ? 'every' : 'first';
    const source = { name: `The adapting graph of ${model.name}`, model: compiled.bytes };
    return { graph: await engine.open(source, { sessions, optimise: true }), compiled };
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
      [compiled.input]: inModelUnits(pixels, model.input),
      steps: int64([], [steps ?? this.recipe.steps]),
    };
    const count = pixels.dims[0]!;
    // Parameters that all rows share come from one run: such a batch is not cut.
    const run = { fetches: ['parameters'], rowsPerRun: cuts ? compiled.rowsPerPart : count, signal };
    const { parameters } = await runRows(graph, { count, tensors }, run);
    return parameters as Tensor<'float32'>;
  }

  async release(): Promise<void> {
    const [adapter] = await Promise.allSettled([this.#adapter]);
    if (adapter.status === 'fulfilled') await adapter.value?.graph.release();
    await this.#network?.release();
  }
}

/** What an attacker with the model's file makes of one recipe. */
export function openHolder(
  deps: DefenceDeps,
  { name, recipe }: Pick<ServedRecipe, 'name' | 'recipe'>,
): Pick<Defence, 'hold' | 'release'> & { smoothed(): OpenTarget } {
  const opened = new Map<Recipe, Opened>();
  function applied(rows: number): Opened {
    const { recipe: of } = appliedRecipe(name, recipe, rows);
    const known = opened.get(of) ?? new Opened(deps, of);
    opened.set(of, known);
    return known;
  }
  return {
    async hold(pixels, options = {}): Promise<OpenTarget> {
      const of = applied(pixels.dims[0]!);
      const hasParameters = of.recipe.steps > 0;
      return of.network().at(hasParameters ? await of.adapted(pixels, options) : undefined);
    },
    smoothed() {
      const of = applied(Number.MAX_SAFE_INTEGER);
      return smoothedTarget({
        classes: deps.model.prepared.classes,
        network: () => of.network(),
        adapted: (pixels, signal) => of.adapted(pixels, signal ? { signal } : {}),
      });
    },
    async release() {
      for (const each of opened.values()) await each.release();
    },
  };
}

/** Whether each row has parameters of its own, which lower its own entropy. */
const canBeSmoothed = (recipe: Recipe): boolean =>
  hasIndependentRows(recipe) &&
  recipe.steps > 0 &&
  recipe.scope === 'sample' &&
  recipe.objective === 'entropy';

/** What is served under a recipe, and what an attacker with the model's file can make of it. */
export function openDefence(deps: DefenceDeps, served: ServedRecipe): Defence {
  const { recipe } = served;
  const { smoothed, ...holder } = openHolder(deps, served);
  return {
    ...served,
    ...holder,
    ...(canBeSmoothed(recipe) && { smoothed: smoothed() }),
    independentRows: hasIndependentRows(recipe),
    adapts: adapts(recipe),
  };
}

import {
  appliedRecipe,
  type CompiledModel,
  compile,
  isChosen,
  isSplittable,
  type Recipe,
} from '../dent/index.ts';
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

type Statistics = Recipe['statistics'];

/** Where the recipe takes a batch. */
interface Adapted {
  /** Those that it ends at. */
  readonly parameters: Tensor<'float32'>;
  /** The recipe's own, or those that it has chosen for the batch. */
  readonly statistics: Statistics;
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
  readonly #networks = new Map<Statistics, Network>();

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

  /** The network by these statistics; its parameters are the same offsets by all. */
  network(statistics = this.recipe.statistics): Network {
    const { engine, model } = this.#deps;
    const known = this.#networks.get(statistics);
    if (known !== undefined) return known;
    const network = openNetwork({ engine, ...model }, { ...this.recipe, statistics });
    this.#networks.set(statistics, network);
    return network;
  }

  async hold(pixels: Tensor<'float32'>, options: HoldOptions): Promise<OpenTarget> {
    const chooses = isChosen(this.recipe);
    if (this.recipe.steps === 0 && !chooses) return this.network().at();
    const { parameters, statistics } = await this.adapted(pixels, options);
    return this.network(chooses ? (options.statistics ?? statistics) : undefined).at(parameters);
  }

  async adapted(pixels: Tensor<'float32'>, { steps, signal }: HoldOptions): Promise<Adapted> {
    this.#adapter ??= this.#openAdapter();
    const { graph, compiled } = await this.#adapter;
    const { engine, model } = this.#deps;
    const cuts = engine.device === 'cpu' && isSplittable(this.recipe);
    const tensors = {
      [compiled.input]: inModelUnits(pixels, model.input),
      steps: int64([], [steps ?? this.recipe.steps]),
    };
    const count = pixels.dims[0]!;
    const fetches = ['parameters', ...(isChosen(this.recipe) ? ['blended'] : [])];
    // What all rows share, be it parameters or a choice, comes from one run: such a batch is not cut.
    const run = { fetches, rowsPerRun: cuts ? compiled.rowsPerPart : count, signal };
    const { parameters, blended } = await runRows(graph, { count, tensors }, run);
    const chosen = blended && (blended.data[0] === 1 ? 'blend' : 'source');
    return {
      parameters: parameters as Tensor<'float32'>,
      statistics: chosen ?? this.recipe.statistics,
    };
  }

  async release(): Promise<void> {
    const [adapter] = await Promise.allSettled([this.#adapter]);
    if (adapter.status === 'fulfilled') await adapter.value?.graph.release();
    for (const network of this.#networks.values()) await network.release();
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
      return applied(pixels.dims[0]!).hold(pixels, options);
    },
    smoothed() {
      const of = applied(Number.MAX_SAFE_INTEGER);
      return smoothedTarget({
        classes: deps.model.prepared.classes,
        network: () => of.network(),
        adapted: async (pixels, signal) => (await of.adapted(pixels, signal ? { signal } : {})).parameters,
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

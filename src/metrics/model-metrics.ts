import type { Catalogue } from './catalogue.ts';

/** The part of a model version that becomes labels. */
export interface LoadedModel {
  readonly name: string;
  readonly version: number;
  readonly sha256: string;
  readonly manifest: {
    readonly recipes: Readonly<Record<string, { readonly steps: number }>>;
    readonly batching: { readonly maxBatchSize: number; readonly queueLimit: number };
  };
}

/** The labels of one recipe of a model version. */
export interface ModelRecipe {
  readonly model: string;
  readonly recipe: string;
}

export interface ModelMetrics {
  /** Its series exist from now on, at 0, so that their first event counts as an increase. */
  loaded(model: LoadedModel): void;
  /** A version, or the folder of a model, could not be used. */
  failed(): void;
  /** Its counts stay. `dent_model_info`, its limits and the queue's gauges do not list it any more. */
  unloaded(model: Pick<LoadedModel, 'name' | 'version'>): void;
  /** What is loaded now. */
  recipes(): readonly ModelRecipe[];
}

function createSeries(catalogue: Catalogue, labels: ModelRecipe, steps: number): void {
  for (const reason of ['full', 'window', 'drain']) catalogue.batches.inc({ ...labels, reason }, 0);
  for (const reason of ['small_batch', 'nonfinite']) catalogue.fallbacks.inc({ ...labels, reason }, 0);
  for (const reason of ['gate', 'floor']) catalogue.rowsStopped.inc({ ...labels, reason }, 0);
  catalogue.predictions.inc({ ...labels }, 0);
  catalogue.labelChanges.inc({ ...labels }, 0);
  catalogue.queueWait.zero({ ...labels });
  catalogue.batchSize.zero({ ...labels });
  catalogue.rowSteps.zero({ ...labels });
  catalogue.adaptDuration.zero({ ...labels, steps });
  if (steps > 0) catalogue.adaptStepDuration.zero({ ...labels });
  for (const phase of ['static', 'adapted']) catalogue.entropy.zero({ ...labels, phase });
}

export function createModelMetrics(catalogue: Catalogue): ModelMetrics {
  for (const outcome of ['ready', 'failed']) catalogue.modelLoads.inc({ outcome }, 0);
  const loaded = new Map<string, { readonly sha256: string; readonly recipes: readonly string[] }>();
  // Creating a histogram's series again would erase what it counted before a reload.
  const created = new Set<string>();

  function forget(model: string): void {
    const entry = loaded.get(model);
    if (!entry) return;
    catalogue.modelInfo.remove({ model, sha256: entry.sha256 });
    catalogue.queueLimit.remove({ model });
    catalogue.batchMaxSize.remove({ model });
    loaded.delete(model);
  }

  return {
    loaded({ name, version, sha256, manifest }) {
      const model = `${name}:${version}`;
      forget(model);
      catalogue.modelLoads.inc({ outcome: 'ready' });
      loaded.set(model, { sha256, recipes: Object.keys(manifest.recipes) });
      catalogue.modelInfo.set({ model, sha256 }, 1);
      catalogue.queueLimit.set({ model }, manifest.batching.queueLimit);
      catalogue.batchMaxSize.set({ model }, manifest.batching.maxBatchSize);
      for (const [recipe, { steps }] of Object.entries(manifest.recipes)) {
        const key = JSON.stringify([model, recipe]);
        if (created.has(key)) continue;
        created.add(key);
        createSeries(catalogue, { model, recipe }, steps);
      }
    },
    failed: () => catalogue.modelLoads.inc({ outcome: 'failed' }),
    unloaded: ({ name, version }) => forget(`${name}:${version}`),
    recipes: () =>
      Array.from(loaded, ([model, { recipes }]) => recipes.map((recipe) => ({ model, recipe }))).flat(),
  };
}

import { isDeepStrictEqual } from 'node:util';
import {
  type ModelControl,
  type ModelEntry,
  type ModelRepository,
  readyVersions,
} from '../../models/index.ts';
import type { DescribedVersion } from '../../models/model.ts';
import type { SharedState } from './protocol.ts';

/** The models of the primary process, as it told them last. */
export interface ModelMirror extends ModelRepository<DescribedVersion> {
  show(state: SharedState): void;
  /** Whether a request under way holds the version with this content. */
  isHeld(content: string): boolean;
}

interface Held {
  readonly version: DescribedVersion;
  holds: number;
}

/** `control` acts on the models of the primary process. */
export function createModelMirror(control: ModelControl, first: SharedState): ModelMirror {
  let state = first;
  let serving = new Map<string, DescribedVersion>();
  const held = new Map<string, Held>();
  let onLoaded: () => void;
  const loaded = new Promise<void>((resolve) => {
    onLoaded = resolve;
  });

  /** A version that was told again stays the same object: its statistics are counted by it. */
  function known(version: DescribedVersion): DescribedVersion {
    const before = serving.get(version.content);
    return before && isDeepStrictEqual(before, version) ? before : version;
  }

  const withKnown = (model: ModelEntry<DescribedVersion>): ModelEntry<DescribedVersion> => ({
    ...model,
    versions: model.versions.map((entry) =>
      entry.state === 'ready' ? { ...entry, serving: known(entry.serving) } : entry,
    ),
  });

  function show(next: SharedState): void {
    state = { ...next, models: next.models.map(withKnown) };
    serving = new Map(
      readyVersions({ models: () => state.models }).map((version) => [version.content, version]),
    );
    if (state.isLoaded) onLoaded();
  }

  const describe = (content: string): DescribedVersion | undefined =>
    serving.get(content) ?? held.get(content)?.version;

  show(first);
  return {
    ...control,
    show,
    isHeld: (content) => held.has(content),
    defaultModel: first.defaultModel,
    models: () => state.models,
    model: (name) => state.models.find((model) => model.name === name),
    describe,
    contents: () => [...new Set([...serving.keys(), ...held.keys()])],
    hold(content) {
      const version = describe(content);
      if (version === undefined) return undefined;
      const entry = held.get(content) ?? { version, holds: 0 };
      held.set(content, entry);
      entry.holds += 1;
      let holding = true;
      return {
        version,
        letGo() {
          if (!holding) return;
          holding = false;
          entry.holds -= 1;
          if (entry.holds === 0) held.delete(content);
        },
      };
    },
    load: () => loaded,
    isLoaded: () => state.isLoaded,
    // The primary process looks for changes by itself.
    reload: async () => {},
    close: async () => {},
  };
}

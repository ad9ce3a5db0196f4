export {
  type AdaptedRows,
  type Artifact,
  type LoadedArtifact,
  PRECISIONS,
  type Precision,
} from './adaptation/adaptation.ts';
export { createAdaptation } from './adaptation/index.ts';
export { createEngine, type EngineOptions } from './create-engine.ts';
export type { Device, Engine } from './engine.ts';
export { EngineCrashError } from './engine-crash-error.ts';
export type { EngineObserver } from './processes/place.ts';

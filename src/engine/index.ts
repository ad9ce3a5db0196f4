export { createEngine, type EngineOptions } from './create-engine.ts';
export type { AdaptedRows, Artifact, Device, Engine, LoadedArtifact } from './engine.ts';
export { EngineCrashError } from './engine-crash-error.ts';
export type { EngineObserver } from './place.ts';

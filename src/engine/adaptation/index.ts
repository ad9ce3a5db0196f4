import type { Engine } from '../engine.ts';
import type { Adaptation } from './adaptation.ts';
import { loadArtifact } from './load-artifact.ts';

/** Runs self-adapting graphs on `engine`. */
export const createAdaptation = (engine: Engine): Adaptation => ({
  load: (artifact) => loadArtifact(engine, artifact),
});

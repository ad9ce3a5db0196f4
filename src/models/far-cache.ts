import { cpus } from 'node:os';
import type { FarCache } from '../dent/index.ts';

/**
 * How fast the cache behind a core's own one is, by the processor's name. On AMD's Zen the cores of a complex
 * share one at their own clock; on Intel's servers it lies behind a mesh. The sizes that the system tells do
 * not say it: measured, the AMD core with 1 MB of its own wanted larger parts than the Intel one with 2 MB
 * (docs/decisions/0003).
 */
export const farCacheOf = (processor: string): FarCache => (/\bAMD\b/i.test(processor) ? 'fast' : 'slow');

/** That of this machine. */
export const farCacheHere = (): FarCache => farCacheOf(cpus()[0]?.model ?? '');

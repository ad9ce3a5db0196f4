import type { CompiledModel, CompileOptions, compile, Recipe } from '../../dent/index.ts';
import { runInThread } from './run-in-thread.ts';

// The compiled file, for src/ and dist/ alike: Node 20 cannot run TypeScript.
const THREAD = new URL('../../../dist/app/threads/compile-thread.js', import.meta.url);

/** The input of a compiler's thread. */
export interface CompileWork {
  readonly model: Uint8Array;
  readonly recipe: Recipe;
  readonly options: CompileOptions | undefined;
}

/**
 * Like `compile`, in a thread of its own. The compiler needs seconds for a large model, and meanwhile this
 * thread has requests to answer and locks to renew.
 */
export const compileInThread: typeof compile = (model, recipe, runner, options) => {
  const work: CompileWork = { model, recipe, options };
  return runInThread<CompiledModel>(THREAD, work, runner);
};

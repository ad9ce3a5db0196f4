import { Worker } from 'node:worker_threads';
import type { FromCompiler, ToCompiler, Work } from './compile-messages.ts';
import type { CompiledModel, compile, GraphRunner } from './dent/index.ts';
import { InputError } from './errors.ts';

// The compiled file, seen from src/ and dist/ alike: Node 20 cannot run TypeScript.
const WORKER = new URL('../dist/compile-worker.js', import.meta.url);

async function answerOf(
  runner: GraphRunner,
  message: FromCompiler & { kind: 'question' },
): Promise<ToCompiler> {
  const { id, model, feeds } = message;
  try {
    return { id, outputs: await runner.evaluate(model, feeds) };
  } catch (error) {
    return { id, isInput: error instanceof InputError, reason: (error as Error).message };
  }
}

function failureOf({ isInput, message, stack }: FromCompiler & { kind: 'failed' }): Error {
  if (isInput) return new InputError(message);
  return Object.assign(new Error(message), stack !== undefined && { stack });
}

/**
 * As `compile`, in a thread of its own: the compiler goes through a large model for seconds, in which this thread has requests
 * to answer and locks to renew.
 */
export const compileInThread: typeof compile = (model, recipe, runner, options) =>
  new Promise<CompiledModel>((resolve, reject) => {
    const work: Work = { model, recipe, options };
    const worker = new Worker(WORKER, { workerData: work });
    worker.on('message', async (message: FromCompiler) => {
      if (message.kind === 'question') worker.postMessage(await answerOf(runner, message));
      else if (message.kind === 'compiled') resolve(message.compiled);
      else reject(failureOf(message));
    });
    worker.on('error', reject);
    worker.on('exit', (code) => reject(new Error(`The compiler's thread ended with ${code}.`)));
  });

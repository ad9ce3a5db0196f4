import { Worker } from 'node:worker_threads';
import type { CompiledModel, compile, GraphRunner, ProbedModel } from '../../dent/index.ts';
import { InputError } from '../../errors.ts';
import type { Tensor } from '../../tensor.ts';
import type { FromCompiler, Question, ToCompiler, Work } from './messages.ts';

// The compiled file, for src/ and dist/ alike: Node 20 cannot run TypeScript.
const WORKER = new URL('../../../dist/app/compile-thread/thread.js', import.meta.url);

/** Answers the questions of a compiler's thread with `runner`. */
function createAnswers(runner: GraphRunner) {
  const probes = new Map<number, ProbedModel>();

  async function outputsOf(question: Question): Promise<Readonly<Record<string, Tensor>>> {
    if (question.kind === 'probe') probes.set(question.id, await runner.probe(question.model));
    else if (question.kind === 'run') return probes.get(question.probe)!.run(question.feeds);
    else {
      await probes.get(question.probe)!.release();
      probes.delete(question.probe);
    }
    return {};
  }

  return {
    async answer(question: Question): Promise<ToCompiler> {
      const { id } = question;
      try {
        return { id, outputs: await outputsOf(question) };
      } catch (error) {
        return { id, isInput: error instanceof InputError, reason: (error as Error).message };
      }
    },
    /** Releases what a thread that died has left open. */
    close: () => Promise.allSettled(Array.from(probes.values(), ({ release }) => release())),
  };
}

function failureOf({ isInput, message, stack }: FromCompiler & { kind: 'failed' }): Error {
  if (isInput) return new InputError(message);
  return Object.assign(new Error(message), stack !== undefined && { stack });
}

/**
 * Like `compile`, in a thread of its own. The compiler needs seconds for a large model, and meanwhile this
 * thread has requests to answer and locks to renew.
 */
export const compileInThread: typeof compile = (model, recipe, runner, options) =>
  new Promise<CompiledModel>((resolve, reject) => {
    const work: Work = { model, recipe, options };
    const worker = new Worker(WORKER, { workerData: work });
    const answers = createAnswers(runner);
    worker.on('message', async (message: FromCompiler) => {
      if (message.kind === 'question') worker.postMessage(await answers.answer(message.question));
      else if (message.kind === 'compiled') resolve(message.compiled);
      else reject(failureOf(message));
    });
    worker.on('error', reject);
    worker.on('exit', (code) => {
      void answers.close();
      reject(new Error(`The compiler's thread ended with ${code}.`));
    });
  });

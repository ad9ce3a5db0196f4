/** A thread that compiles one model, and asks the thread that started it whenever it must know something of the model. */
import { parentPort, workerData } from 'node:worker_threads';
import type { FromCompiler, ToCompiler, Work } from './compile-messages.ts';
import { compile, type GraphRunner } from './dent/index.ts';
import { InputError } from './errors.ts';
import type { Tensor } from './tensor.ts';

interface Question {
  readonly answer: (outputs: Record<string, Tensor>) => void;
  readonly fail: (error: Error) => void;
}

const port = parentPort!;
let asked = 0;
const questions = new Map<number, Question>();
const tell = (message: FromCompiler, transfer: ArrayBuffer[] = []): void =>
  port.postMessage(message, transfer);

port.on('message', (message: ToCompiler) => {
  const { answer, fail } = questions.get(message.id)!;
  questions.delete(message.id);
  if ('outputs' in message) answer(message.outputs);
  else fail(message.isInput ? new InputError(message.reason) : new Error(message.reason));
});

const runner: GraphRunner = {
  evaluate: (model, feeds) =>
    new Promise((answer, fail) => {
      asked += 1;
      const id = asked;
      questions.set(id, { answer, fail });
      tell({ kind: 'question', id, model, feeds });
    }),
};

const { model, recipe, options } = workerData as Work;
try {
  const compiled = await compile(model, recipe, runner, options);
  tell({ kind: 'compiled', compiled }, [compiled.bytes.buffer as ArrayBuffer]);
} catch (error) {
  const { message, stack } = error as Error;
  tell({ kind: 'failed', isInput: error instanceof InputError, message, stack });
}
port.close();

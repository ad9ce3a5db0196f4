/**
 * A thread that compiles one model. It asks the thread that started it whenever it must know something about
 * the model.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { compile, type GraphRunner } from '../../dent/index.ts';
import { InputError } from '../../errors.ts';
import type { Tensor } from '../../tensor.ts';
import type { FromCompiler, Question, ToCompiler, Work } from './messages.ts';

interface Asker {
  readonly answer: (outputs: Readonly<Record<string, Tensor>>) => void;
  readonly fail: (error: Error) => void;
}

const port = parentPort!;
let asked = 0;
const askers = new Map<number, Asker>();
const tell = (message: FromCompiler, transfer: ArrayBuffer[] = []): void =>
  port.postMessage(message, transfer);

port.on('message', (message: ToCompiler) => {
  const { answer, fail } = askers.get(message.id)!;
  askers.delete(message.id);
  if ('outputs' in message) answer(message.outputs);
  else fail(message.isInput ? new InputError(message.reason) : new Error(message.reason));
});

/** Asks, and resolves with the outputs in the answer. */
function ask(write: (id: number) => Question): Promise<Readonly<Record<string, Tensor>>> {
  asked += 1;
  const question = write(asked);
  return new Promise((answer, fail) => {
    askers.set(question.id, { answer, fail });
    tell({ kind: 'question', question });
  });
}

const runner: GraphRunner = {
  async probe(model) {
    let probe = 0;
    await ask((id) => {
      probe = id;
      return { kind: 'probe', id, model };
    });
    return {
      run: (feeds) => ask((id) => ({ kind: 'run', id, probe, feeds })),
      release: async () => void (await ask((id) => ({ kind: 'release', id, probe }))),
    };
  },
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

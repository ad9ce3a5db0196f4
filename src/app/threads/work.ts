import { parentPort, workerData } from 'node:worker_threads';
import type { Engine, OpenGraph, Probe, Ran } from '../../engine/engine.ts';
import type { Tensor } from '../../tensor.ts';
import { errorOf, failureOf } from './failure.ts';
import type { FromThread, Question, ToThread } from './messages.ts';

/** The engine of the thread that started this one, as far as a thread may use it. */
export type OuterEngine = Pick<Engine, 'probe' | 'open'>;

interface Asker {
  readonly answer: (answer: unknown) => void;
  readonly fail: (error: Error) => void;
}

const port = parentPort!;
let asked = 0;
const askers = new Map<number, Asker>();
const tell = (message: FromThread, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);

port.on('message', (message: ToThread) => {
  const { answer, fail } = askers.get(message.id)!;
  askers.delete(message.id);
  if ('answer' in message) answer(message.answer);
  else fail(errorOf(message.failure));
});

/** Asks, and resolves with what the engine's own call resolved with. */
function ask<T>(write: (id: number) => Question): Promise<T> {
  asked += 1;
  const question = write(asked);
  return new Promise<T>((answer, fail) => {
    askers.set(question.id, { answer: answer as Asker['answer'], fail });
    tell({ kind: 'question', question });
  });
}

const release = (opened: number): Promise<void> => ask((id) => ({ kind: 'release', id, opened }));

const engine: OuterEngine = {
  async probe(model): Promise<Probe> {
    let opened = 0;
    await ask((id) => {
      opened = id;
      return { kind: 'probe', id, model };
    });
    return {
      run: (feeds) => ask<Record<string, Tensor>>((id) => ({ kind: 'run', id, opened, feeds })),
      release: () => release(opened),
    };
  },
  async open(source, options): Promise<OpenGraph> {
    let opened = 0;
    const described = await ask<Pick<OpenGraph, 'inputs' | 'outputs' | 'width'>>((id) => {
      opened = id;
      return { kind: 'open', id, source, options };
    });
    return {
      ...described,
      run: (feeds, { signal: _, ...rest } = {}) =>
        ask<Ran>((id) => ({ kind: 'run', id, opened, feeds, options: rest })),
      release: () => release(opened),
    };
  },
};

/** The work of this thread: what it was started with becomes the result. The buffers that it names move. */
export async function work<W>(
  make: (given: W, engine: OuterEngine) => Promise<{ result: unknown; moved: readonly Uint8Array[] }>,
): Promise<void> {
  try {
    const { result, moved } = await make(workerData as W, engine);
    tell(
      { kind: 'done', result },
      moved.map(({ buffer }) => buffer as ArrayBuffer),
    );
  } catch (error) {
    tell({ kind: 'failed', failure: failureOf(error) });
  }
  port.close();
}

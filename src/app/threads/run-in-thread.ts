import { Worker } from 'node:worker_threads';
import type { GraphRunner } from '../../dent/index.ts';
import type { Engine, OpenGraph, Tensors } from '../../engine/engine.ts';
import { errorOf, failureOf } from './failure.ts';
import type { FromThread, Question, ThreadRunOptions, ToThread } from './messages.ts';

/** What a thread may ask. Only the engine itself can open a graph to be run many times. */
export type Asked = GraphRunner & Partial<Pick<Engine, 'open'>>;

interface Opened {
  run(feeds: Tensors, options?: ThreadRunOptions): Promise<unknown>;
  release(): Promise<void>;
}

/** Answers the questions of a thread with `engine`. */
function createAnswers(engine: Asked) {
  const open = new Map<number, Opened>();
  let isClosed = false;

  /** Keeps what the thread has opened; where the thread has ended meanwhile, nobody else would release it. */
  async function keep<T extends Opened>(id: number, opening: Promise<T>): Promise<T> {
    const opened = await opening;
    if (isClosed) await opened.release();
    else open.set(id, opened);
    return opened;
  }

  async function answerTo(question: Question): Promise<unknown> {
    if (question.kind === 'probe') {
      await keep(question.id, engine.probe(question.model));
      return undefined;
    }
    if (question.kind === 'open') {
      if (engine.open === undefined) throw new Error('This thread may open no graphs. This is a bug.');
      const opening: Promise<OpenGraph> = engine.open(question.source, question.options);
      const { inputs, outputs, width } = await keep(question.id, opening);
      return { inputs, outputs, width };
    }
    const opened = open.get(question.opened)!;
    if (question.kind === 'run') return opened.run(question.feeds, question.options);
    await opened.release();
    open.delete(question.opened);
    return undefined;
  }

  return {
    async answer(question: Question): Promise<ToThread> {
      const { id } = question;
      try {
        return { id, answer: await answerTo(question) };
      } catch (error) {
        return { id, failure: failureOf(error) };
      }
    },
    /** Releases what a thread that died has left open. */
    close(): void {
      isClosed = true;
      void Promise.allSettled(Array.from(open.values(), ({ release }) => release()));
    },
  };
}

/**
 * Gives `work` to a thread of its own and resolves with what it makes of it. Whatever the thread must know
 * of a graph it asks `engine`. Where the signal aborts, the thread is ended and the call rejects with its
 * reason.
 */
export const runInThread = <R>(thread: URL, work: unknown, engine: Asked, signal?: AbortSignal): Promise<R> =>
  new Promise<R>((resolve, reject) => {
    signal?.throwIfAborted();
    const worker = new Worker(thread, { workerData: work });
    const answers = createAnswers(engine);
    const giveUp = (): void => {
      reject(signal?.reason);
      void worker.terminate();
    };
    signal?.addEventListener('abort', giveUp, { once: true });
    worker.on('message', async (message: FromThread) => {
      if (message.kind === 'question') worker.postMessage(await answers.answer(message.question));
      else if (message.kind === 'done') resolve(message.result as R);
      else reject(errorOf(message.failure));
    });
    worker.on('error', reject);
    worker.on('exit', (code) => {
      signal?.removeEventListener('abort', giveUp);
      answers.close();
      reject(new Error(`A thread ended with ${code} before its work was done.`));
    });
  });

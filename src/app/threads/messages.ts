import type { GraphSource, OpenOptions, RunOptions, Tensors } from '../../engine/engine.ts';
import type { ErrorCode } from '../../errors.ts';

/** How a graph is run for a thread. A thread that is given up is ended, so its runs have no signal. */
export type ThreadRunOptions = Omit<RunOptions, 'signal'>;

/** A question of a thread to the engine. What it opens has the id of the question that opened it. */
export type Question =
  | { readonly kind: 'probe'; readonly id: number; readonly model: Uint8Array }
  | {
      readonly kind: 'open';
      readonly id: number;
      readonly source: GraphSource;
      readonly options: OpenOptions;
    }
  | {
      readonly kind: 'run';
      readonly id: number;
      readonly opened: number;
      readonly feeds: Tensors;
      readonly options?: ThreadRunOptions | undefined;
    }
  | { readonly kind: 'release'; readonly id: number; readonly opened: number };

/** An error on its way between threads. Of other classes than ours only message and stack are kept. */
export interface Failure {
  readonly message: string;
  readonly stack: string | undefined;
  /** Present for an `InputError`: whether a file or the device is at fault. */
  readonly input?: 'file' | 'device';
  readonly service?: { readonly code: ErrorCode; readonly retryAfterSeconds?: number };
}

export type FromThread =
  | { readonly kind: 'question'; readonly question: Question }
  | { readonly kind: 'done'; readonly result: unknown }
  | { readonly kind: 'failed'; readonly failure: Failure };

/** To the thread: the answer to its question, which is what the engine's own call resolves with. */
export type ToThread =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly failure: Failure };

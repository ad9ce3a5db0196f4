import type { OpenGraph } from '../engine.ts';
import { RunError } from '../run-error.ts';

/** Sessions kept at a time: each holds the weights, and memory for a batch of its size. */
const KEPT = 8;

/** The number of rows that a batch of `rows` is filled up to: the next power of two. */
export const filledSize = (rows: number): number => 2 ** Math.ceil(Math.log2(rows));

/** The sizes that batches of up to `most` rows are filled up to, as many of the largest as are kept. */
export const filledSizes = (most: number): number[] =>
  Array.from({ length: Math.log2(filledSize(most)) + 1 }, (_, i) => 2 ** i).slice(-KEPT);

/** Runs a batch that is filled up to `rows`. */
export type RunFilled<T> = (graph: OpenGraph, rows: number) => Promise<T>;

/** Sessions of one graph, each of which only ever sees batches of one size. */
export interface SizedSessions {
  /**
   * Lets `work` run a batch that is filled up to `size` rows, or to one more where the hardware's library has
   * no algorithm for this size. Rejects where the session cannot be opened.
   */
  use<T>(size: number, work: RunFilled<T>): Promise<T>;
  /** Calls in flight finish first. */
  release(): Promise<void>;
}

interface Session {
  readonly graph: Promise<OpenGraph>;
  readonly calls: Set<Promise<unknown>>;
  /** What its batches are filled up to. */
  rows: number;
}

/**
 * cuDNN finds no algorithm for some convolutions without TF32 of exactly 128 rows, and finds one for 127:
 * a ResNet-50 at 224 x 224 has one such convolution.
 */
const lacksAlgorithm = (error: unknown): boolean =>
  error instanceof RunError && error.message.includes('HEURISTIC_QUERY_FAILED');

async function runFilled<T>(session: Session, size: number, work: RunFilled<T>): Promise<T> {
  const graph = await session.graph;
  const { rows } = session;
  try {
    return await work(graph, rows);
  } catch (error) {
    if (rows > size || !lacksAlgorithm(error)) throw error;
    session.rows = size + 1;
    return work(graph, session.rows);
  }
}

async function close({ graph, calls }: Session): Promise<void> {
  await Promise.allSettled(calls);
  const open = await graph.catch(() => undefined);
  await open?.release();
}

/**
 * Opens sessions as sizes are asked for, at most eight at a time: a ninth waits until the one that was not
 * used for the longest is released. The first size gets `first`, which is open already.
 */
export function createSizedSessions(first: OpenGraph, open: () => Promise<OpenGraph>): SizedSessions {
  /** By size; the one used last is the last. */
  const sessions = new Map<number, Session>();
  let spare: OpenGraph | undefined = first;

  async function begin(): Promise<OpenGraph> {
    if (spare !== undefined) {
      const graph = spare;
      spare = undefined;
      return graph;
    }
    const [oldest] = sessions;
    if (oldest !== undefined && sessions.size >= KEPT) {
      sessions.delete(oldest[0]);
      await close(oldest[1]);
    }
    return open();
  }

  function sessionFor(size: number): Session {
    const known = sessions.get(size);
    const session = known ?? { graph: begin(), calls: new Set(), rows: size };
    sessions.delete(size);
    sessions.set(size, session);
    // Another call may open it where this one could not.
    if (!known) session.graph.catch(() => sessions.get(size) === session && sessions.delete(size));
    return session;
  }

  return {
    async use(size, work) {
      const session = sessionFor(size);
      const call = runFilled(session, size, work);
      session.calls.add(call);
      return call.finally(() => session.calls.delete(call));
    },
    async release() {
      await Promise.all([spare?.release(), ...Array.from(sessions.values(), close)]);
    },
  };
}

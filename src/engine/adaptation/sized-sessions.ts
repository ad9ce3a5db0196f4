import type { OpenGraph } from '../engine.ts';

/** Sessions kept at a time: each holds the weights, and memory for a batch of its size. */
const KEPT = 8;

/** The number of rows that a batch of `rows` is filled up to: the next power of two. */
export const filledSize = (rows: number): number => 2 ** Math.ceil(Math.log2(rows));

/** The sizes that batches of up to `most` rows are filled up to, as many of the largest as are kept. */
export const filledSizes = (most: number): number[] =>
  Array.from({ length: Math.log2(filledSize(most)) + 1 }, (_, i) => 2 ** i).slice(-KEPT);

/** Sessions of one graph, each of which only ever sees batches of one size. */
export interface SizedSessions {
  /** Lets `work` run a batch of `size` rows. Rejects where the session cannot be opened. */
  use<T>(size: number, work: (graph: OpenGraph) => Promise<T>): Promise<T>;
  /** Calls in flight finish first. */
  release(): Promise<void>;
}

interface Session {
  readonly graph: Promise<OpenGraph>;
  readonly calls: Set<Promise<unknown>>;
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
    const session = known ?? { graph: begin(), calls: new Set() };
    sessions.delete(size);
    sessions.set(size, session);
    // Another call may open it where this one could not.
    if (!known) session.graph.catch(() => sessions.get(size) === session && sessions.delete(size));
    return session;
  }

  return {
    async use(size, work) {
      const { graph, calls } = sessionFor(size);
      const call = graph.then(work);
      calls.add(call);
      return call.finally(() => calls.delete(call));
    },
    async release() {
      await Promise.all([spare?.release(), ...Array.from(sessions.values(), close)]);
    },
  };
}

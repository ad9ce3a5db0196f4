import type { Ask } from './calls.ts';
import type { ApiCalls, ProcessLoad } from './protocol.ts';

/** A process whose event loop is busy for less of its time needs no help. */
const BUSY = 0.5;
/** A process may have so many times its share. */
const TOLERANCE = 1.25;

/**
 * How many connections a process should give up: half of what it has too many, so that others do not get too
 * many in turn.
 */
export function surplusOf({ active, busy }: ProcessLoad, all: readonly ProcessLoad[]): number {
  const share = all.reduce((sum, each) => sum + each.active, 0) / all.length;
  if (busy < BUSY || active <= share * TOLERANCE) return 0;
  return Math.ceil((active - Math.ceil(share)) / 2);
}

/** Has processes give up connections that others have time for. */
export interface ConnectionSpread {
  /** The latest load of a process. */
  told(ask: Ask<ApiCalls>, load: ProcessLoad): void;
  leave(ask: Ask<ApiCalls>): void;
}

export function createConnectionSpread(): ConnectionSpread {
  const loads = new Map<Ask<ApiCalls>, ProcessLoad>();
  return {
    told(ask, load) {
      loads.set(ask, load);
      const surplus = surplusOf(load, [...loads.values()]);
      if (surplus > 0) ask('moveConnections', surplus).catch(() => {});
    },
    leave: (ask) => void loads.delete(ask),
  };
}

import type { Limiter } from '../../access/index.ts';
import type { BatchProducer } from '../../batching/batch-queue.ts';
import type { Playground } from '../../http/index.ts';
import type { Backend } from '../backend.ts';
import type { DeliveryObserver } from '../tracing.ts';
import type { Ask } from './calls.ts';
import { errorOf } from './faults.ts';
import { createModelMirror, type ModelMirror } from './model-mirror.ts';
import { type PrimaryCalls, receiveResult, type SharedState } from './protocol.ts';
import { type PrimaryWatch, SILENT } from './watch-primary.ts';

export type AskPrimary = Ask<PrimaryCalls>;

/**
 * The queue of the primary process. That one alone measures deadlines, so that a row does not expire twice.
 */
export function remoteQueue(ask: AskPrimary): BatchProducer {
  const underWay = new Set<Promise<unknown>>();
  function track<T>(work: Promise<T>): Promise<T> {
    const tracked = work.finally(() => underWay.delete(tracked));
    underWay.add(tracked);
    return tracked;
  }
  return {
    submit: (request, signal) => track(ask('submit', request, signal)),
    enqueue: (request) => track(ask('enqueue', request)),
    async result(id) {
      const result = await ask('result', id);
      return result && receiveResult(result);
    },
    leaveNote: (name, text, ms) => ask('leaveNote', { name, text, ms }),
    note: (name) => ask('note', name),
    status: () => ask('status', undefined),
    async close() {
      await Promise.allSettled(underWay);
    },
  };
}

/** Calls of the primary process, refused while that is silent. If it goes on, it finds them given up. */
export function patientAsk(ask: AskPrimary, watch: PrimaryWatch): AskPrimary {
  return (name, argument, signal) =>
    watch.unlessSilent((silence) =>
      ask(name, argument, signal ? AbortSignal.any([signal, silence]) : silence),
    );
}

/** Counts the requests of a key over all API processes. */
export function remoteLimiter(ask: AskPrimary, watch: PrimaryWatch): Limiter {
  // A process that has lost the primary process ends; what it wanted to say is of no use then.
  const tell: AskPrimary = (...call) => ask(...call).catch(() => undefined as never);
  return {
    async enter(name, limits) {
      const admitted = ask('admit', { name, limits });
      try {
        const ticket = await watch.unlessSilent(() => admitted);
        return () => void tell('leave', ticket);
      } catch (error) {
        // Counted later, when nobody waits for it any more.
        admitted.then(
          (ticket) => tell('leave', ticket),
          () => {},
        );
        throw error;
      }
    },
    charge: (name, limits, images) => void tell('charge', { name, limits, images }),
    keep: (names) => void tell('keepCallers', names),
  };
}

/** The primary process tells the operator, once for all. */
export const remoteDelivery = (ask: AskPrimary): DeliveryObserver => ({
  started() {},
  exported: (attempt) => void ask('exported', attempt).catch(() => {}),
});

export const remotePlayground = (ask: AskPrimary): Playground => ({
  attack: ({ signal, ...attack }) => ask('attack', attack, signal),
});

export interface RemoteBackend extends Backend {
  readonly models: ModelMirror;
  show(state: SharedState): void;
}

/** The models and the queue of the primary process. */
export function openRemoteBackend(
  ask: AskPrimary,
  watch: Pick<PrimaryWatch, 'isSilent'>,
  first: SharedState,
): RemoteBackend {
  let state = first;
  const control = {
    loadModel: (name: string) => ask('loadModel', name),
    unloadModel: (name: string) => ask('unloadModel', name),
  };
  const models = createModelMirror(control, first);
  const queue = remoteQueue(ask);
  return {
    models,
    queue: {
      ...queue,
      unreadyReasons: () => (watch.isSilent() ? [SILENT, ...state.unreadyReasons] : state.unreadyReasons),
      refusal: () => state.refusal && errorOf(state.refusal),
      warnings: () => state.warnings,
    },
    show(next) {
      state = next;
      models.show(next);
    },
    close: () => queue.close(),
  };
}

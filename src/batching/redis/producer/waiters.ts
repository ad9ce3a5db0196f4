import { ServiceError } from '../../../errors.ts';
import type { Delivery, Lane, LaneLimits, RowRequest } from '../../batch-queue.ts';
import { laneKey } from '../../lane-key.ts';
import { createPending, type Pending } from '../../pending.ts';
import type { Outcome } from '../wire.ts';

/** If Redis does not know a row this shortly before its deadline, the row has met its deadline there. */
const EXPIRY_MARGIN_MS = 250;

/** A caller of this process that waits for a row. */
export interface Waiter {
  readonly request: RowRequest;
  readonly pending: Pending<Delivery>;
  readonly limits: LaneLimits;
  /** `accepted`: Redis has said that it has the row. `attached`: it has an earlier row with the same id. */
  state: 'sent' | 'accepted' | 'attached';
}

/** Those who wait, until each is settled. Several may wait for one kept row. */
export interface Waiters {
  add(request: RowRequest, limits: LaneLimits, signal?: AbortSignal): Waiter;
  /** Whether it still waits. */
  has(waiter: Waiter): boolean;
  of(id: string): Iterable<Waiter>;
  /** The rows that Redis must know. It forgets those that are about to expire by itself. */
  acceptedIds(): Generator<string>;
  settle(outcome: Outcome): void;
  /** The lanes of all rows that are waited for. */
  lanes(): readonly Lane[];
  /** To be called once. */
  whenNobodyWaits(): Promise<void>;
}

/** `onGivenUp` is told of a waiter whose deadline has come or whose signal has aborted. */
export function createWaiters({
  onGivenUp,
}: {
  readonly onGivenUp: (waiter: Waiter, reason: 'timeout' | 'cancelled') => void;
}): Waiters {
  /** None of the sets is empty. */
  const byId = new Map<string, Set<Waiter>>();
  let onNobody: (() => void) | undefined;

  const isAccepted = ({ state, request }: Waiter, soonMs: number): boolean =>
    state !== 'sent' && request.deadlineMs > soonMs;

  return {
    add(request, limits, signal) {
      const { id, deadlineMs } = request;
      const pending = createPending<Delivery>({
        expiresMs: performance.now() + deadlineMs - Date.now(),
        signal,
        onGivenUp: (reason) => onGivenUp(waiter, reason),
        onSettled() {
          const others = byId.get(id)!;
          others.delete(waiter);
          if (others.size === 0) byId.delete(id);
          if (byId.size === 0) onNobody?.();
        },
      });
      const waiter: Waiter = { request, pending, limits, state: 'sent' };
      byId.set(id, (byId.get(id) ?? new Set()).add(waiter));
      return waiter;
    },

    has: (waiter) => byId.get(waiter.request.id)?.has(waiter) ?? false,
    of: (id) => byId.get(id) ?? [],

    *acceptedIds() {
      const soonMs = Date.now() + EXPIRY_MARGIN_MS;
      for (const [id, some] of byId) {
        for (const each of some) {
          if (!isAccepted(each, soonMs)) continue;
          yield id;
          break;
        }
      }
    },

    settle({ id, result }) {
      for (const { pending } of byId.get(id) ?? []) {
        if (result instanceof ServiceError) pending.reject(result);
        else pending.resolve(result);
      }
    },

    lanes() {
      const lanes = new Map<string, Lane>();
      for (const some of byId.values())
        for (const { request } of some) lanes.set(laneKey(request.lane), request.lane);
      return [...lanes.values()];
    },

    whenNobodyWaits: () =>
      new Promise((resolve) => {
        onNobody = resolve;
        if (byId.size === 0) resolve();
      }),
  };
}

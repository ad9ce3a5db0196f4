import type { OnFault } from '../connection/link.ts';
import type { ProducerStore } from './producer-store.ts';
import type { Waiters } from './waiters.ts';

/** Ids whose outcome is asked for at a time. */
const IDS_PER_CALL = 500;

export interface LostReplies {
  /** Checks the row that has waited longest. If Redis has forgotten it, it may have forgotten them all. */
  probe(): Promise<void>;
  /**
   * Asks for answers that came while nobody listened, and gives up rows that Redis has forgotten. Never
   * rejects. Called when either connection comes up; it is useful when both are.
   */
  ask(): Promise<void>;
}

/** Finds the answers of rows whose reply may have been lost, with the connection or with Redis. */
export function createLostReplies({
  store,
  waiters,
  giveUp,
  isUp,
  onFault,
}: {
  readonly store: Pick<ProducerStore, 'recheck'>;
  readonly waiters: Pick<Waiters, 'acceptedIds' | 'settle'>;
  /** Told of a row that Redis has forgotten. */
  readonly giveUp: (id: string) => void;
  readonly isUp: () => boolean;
  readonly onFault: OnFault;
}): LostReplies {
  async function ask(): Promise<void> {
    const ids = [...waiters.acceptedIds()];
    try {
      for (let from = 0; from < ids.length && isUp(); from += IDS_PER_CALL) {
        const part = ids.slice(from, from + IDS_PER_CALL);
        for (const [i, found] of (await store.recheck(part)).entries()) {
          if (found === 'lost') giveUp(part[i]!);
          else if (found !== 'alive') waiters.settle(found);
        }
      }
    } catch (error) {
      onFault(error, 'asking for lost replies');
    }
  }

  return {
    ask,
    async probe() {
      const oldest = waiters.acceptedIds().next().value;
      // It asks Redis even where no row waits: the call itself shows that Redis answers.
      const [found] = await store.recheck(oldest === undefined ? [] : [oldest]);
      if (found === 'lost') void ask();
      else if (found !== undefined && found !== 'alive') waiters.settle(found);
    },
  };
}

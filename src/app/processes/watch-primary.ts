import { ServiceError } from '../../errors.ts';

/** How often to look whether the primary process has asked anything. It asks every second. */
const LOOK_MS = 1_000;
/** So many looks in a row without a question: it hangs, or is stopped. */
const SILENT_LOOKS = 10;

export const SILENT = `The first process of the server has been silent for ${(SILENT_LOOKS * LOOK_MS) / 1000} seconds.`;

export interface PrimaryWatch {
  /** Call it when this process listens, which starts the watch, and whenever the primary process asks. */
  heard(): void;
  isSilent(): boolean;
  /** `listener` hears when the silence begins, and when it ends. */
  onChange(listener: (isSilent: boolean) => void): void;
  /** The result of a call of the primary process. Rejects, and aborts the signal, where it is silent. */
  unlessSilent<T>(call: (signal: AbortSignal) => Promise<T>): Promise<T>;
  stop(): void;
}

const refusal = (): ServiceError =>
  new ServiceError('queue_unavailable', 'The queue does not answer at present.', { retryAfterSeconds: 1 });

/**
 * Notices a primary process that lives and does nothing, and that it works again. That one alone measures
 * deadlines, so without this a request would wait for as long as it is silent. Looks are counted, not time:
 * while the machine is asleep nobody looks.
 */
export function watchPrimary(): PrimaryWatch {
  const underWay = new Set<() => void>();
  let timer: NodeJS.Timeout | undefined;
  let looks = 0;
  let tell: (isSilent: boolean) => void = () => {};

  const isSilent = (): boolean => looks >= SILENT_LOOKS;

  function look(): void {
    looks += 1;
    if (looks !== SILENT_LOOKS) return;
    tell(true);
    for (const refuse of underWay) refuse();
  }

  return {
    heard() {
      const wasSilent = isSilent();
      looks = 0;
      if (wasSilent) tell(false);
      timer ??= setInterval(look, LOOK_MS).unref();
    },
    isSilent,
    onChange(listener) {
      tell = listener;
    },
    unlessSilent(call) {
      if (isSilent()) return Promise.reject(refusal());
      const controller = new AbortController();
      return new Promise((resolve, reject) => {
        const refuse = (): void => {
          controller.abort();
          reject(refusal());
        };
        underWay.add(refuse);
        call(controller.signal)
          .finally(() => underWay.delete(refuse))
          .then(resolve, reject);
      });
    },
    stop: () => clearInterval(timer),
  };
}

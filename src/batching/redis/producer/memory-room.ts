/**
 * From this share of Redis' memory on rows are refused: accepted rows need room for their answers, and others
 * may use the server.
 */
const FULL = 0.9;
/**
 * After it was full, rows are accepted again from this share on. The gap keeps readiness from changing with
 * every batch.
 */
const ROOMY = 0.8;
/** What a row takes in Redis besides its bytes: its places in the lane, and names of keys. */
const ROW_OVERHEAD = 600;
/** After this time Redis is asked again while rows come. */
const FRESH_MS = 100;
const USED = /^used_memory:(\d+)/m;
const MOST = /^maxmemory:(\d+)/m;

/**
 * How many more rows fit into Redis, as this process knows it: Redis's last answer, and what this process has
 * sent since.
 */
export interface MemoryRoom {
  /** Whether a row of this many bytes fits. It then counts as sent. */
  take(bytes: number): boolean;
  /** Redis has refused a row. */
  ranOut(): void;
  /** Asks Redis. Resolves even where it does not answer. */
  refresh(): Promise<void>;
  /** One sentence where rows are refused. */
  reason(): string | undefined;
}

/**
 * `askMemory` returns the memory section of INFO, from where the queue's keys are. `onFull` is called each
 * time that room runs out.
 */
export function createMemoryRoom(
  askMemory: () => Promise<string>,
  onFull: (reason: string) => void,
): MemoryRoom {
  let used = 0;
  /** 0: there is no limit. */
  let most = 0;
  let sent = 0;
  let askedMs = Number.NEGATIVE_INFINITY;
  let isFull = false;
  let asking: Promise<void> | undefined;

  const megabytes = (bytes: number): string => `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
  const reason = (): string => {
    if (most === 0) return 'Redis is full: it has refused a row for want of memory (maxmemory).';
    const share = `${megabytes(used + sent)} of its ${megabytes(most)} (maxmemory) are used`;
    return `Redis is full: ${share}, and rows are refused until less than ${100 * ROOMY} % are.`;
  };

  function fill(): void {
    if (isFull) return;
    isFull = true;
    onFull(reason());
  }

  /** One question at a time: each answer covers what was sent before the question. */
  function refresh(): Promise<void> {
    asking ??= ask().finally(() => {
      asking = undefined;
    });
    return asking;
  }

  async function ask(): Promise<void> {
    askedMs = performance.now();
    const before = sent;
    try {
      const text = await askMemory();
      used = Number(USED.exec(text)?.[1] ?? 0);
      most = Number(MOST.exec(text)?.[1] ?? 0);
      sent -= before;
      if (most === 0 || used < ROOMY * most) isFull = false;
      else if (used > FULL * most) fill();
    } catch {
      // Redis cannot be reached, or refuses to answer, and that is reported elsewhere. The next row finds
      // out.
      isFull = false;
    }
  }

  return {
    take(bytes) {
      if (performance.now() - askedMs > FRESH_MS) void refresh();
      if (most > 0 && used + sent + bytes + ROW_OVERHEAD > FULL * most) fill();
      if (!isFull) sent += bytes + ROW_OVERHEAD;
      return !isFull;
    },
    ranOut() {
      fill();
      void refresh();
    },
    refresh,
    reason: () => (isFull ? reason() : undefined),
  };
}

/** Whether Redis refused for lack of memory. */
export const isOutOfMemory = (error: unknown): boolean =>
  error instanceof Error && /\bOOM command not allowed/.test(error.message);

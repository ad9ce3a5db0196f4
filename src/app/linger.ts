import type { IsAwaited } from '../models/index.ts';

/** How often to ask. */
const ASK_MS = 1000;
const FORGET_MS = 10 * ASK_MS;
/**
 * For this long after its last row, processes that have not noticed a replaced content may still send rows
 * for it.
 */
const LINGER_MS = 30_000;
/** After this many looks at the repository every process has noticed. */
const LOOKS = 3;

/**
 * Whether rows of a content that this worker does not serve any more may still come: some wait now, or did a
 * moment ago. The processes that send them look at the repository every `pollMs`. Where `ask` rejects, the
 * answer is unknown and counts as yes.
 */
export function createLinger(ask: (content: string) => Promise<boolean>, pollMs: number): IsAwaited {
  const lingerMs = Math.max(LINGER_MS, LOOKS * pollMs);
  const known = new Map<string, { askedMs: number; awaitedMs: number }>();
  return async (content) => {
    const nowMs = performance.now();
    const found = known.get(content);
    // If nobody asked for a while, the content has been served again meanwhile.
    const isRecent = found !== undefined && nowMs - found.askedMs < FORGET_MS;
    const last = isRecent ? found : { askedMs: Number.NEGATIVE_INFINITY, awaitedMs: nowMs };
    known.set(content, last);
    if (nowMs - last.askedMs < ASK_MS) return true;
    last.askedMs = nowMs;
    if (await ask(content).catch(() => true)) last.awaitedMs = nowMs;
    if (nowMs - last.awaitedMs < lingerMs) return true;
    known.delete(content);
    return false;
  };
}

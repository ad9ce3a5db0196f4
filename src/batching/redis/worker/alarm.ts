/** One timer for many reasons: the earliest counts. */
export interface Alarm {
  setIn(ms: number): void;
  clear(): void;
}

export function createAlarm(ring: () => void): Alarm {
  let timer: NodeJS.Timeout | undefined;
  let atMs = Number.POSITIVE_INFINITY;

  function clear(): void {
    clearTimeout(timer);
    atMs = Number.POSITIVE_INFINITY;
  }

  return {
    clear,
    setIn(ms) {
      const wantedMs = performance.now() + ms;
      if (wantedMs >= atMs) return;
      clear();
      atMs = wantedMs;
      timer = setTimeout(() => {
        clear();
        ring();
      }, Math.ceil(ms));
    },
  };
}

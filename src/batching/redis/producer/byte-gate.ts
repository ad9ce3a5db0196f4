/** Lets bytes through while not too many are under way. The others wait in the order in which they came. */
export interface ByteGate {
  /**
   * Undefined where they may go at once, which costs nothing. Otherwise resolves when they may. A piece
   * larger than the gate goes alone.
   */
  enter(bytes: number): Promise<void> | undefined;
  /** Call it once for each `enter` that let something through. */
  leave(bytes: number): void;
}

export function createByteGate(limit: number): ByteGate {
  let underWay = 0;
  const waiting: { readonly bytes: number; readonly go: () => void }[] = [];
  const fits = (bytes: number): boolean => underWay === 0 || underWay + bytes <= limit;

  return {
    enter(bytes) {
      if (waiting.length === 0 && fits(bytes)) {
        underWay += bytes;
        return undefined;
      }
      return new Promise((go) => waiting.push({ bytes, go }));
    },

    leave(bytes) {
      underWay -= bytes;
      while (waiting[0] && fits(waiting[0].bytes)) {
        const next = waiting.shift()!;
        underWay += next.bytes;
        next.go();
      }
    },
  };
}

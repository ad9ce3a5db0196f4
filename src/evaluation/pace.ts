/** A piece of work whose time is not known before one of its kind has been done. */
export interface Piece {
  /** Pieces of a kind take alike. */
  readonly kind: string;
  /** A guess of the work in it, in the same units for all pieces. */
  readonly weight: number;
}

/** What has been done, and how long the rest will take. */
export interface Pace {
  /** Begins the next piece. */
  begin(): void;
  /** Which share of the current piece is done, from 0 to 1. */
  share(share: number): void;
  /** Ends the current piece. */
  end(): void;
  /** The share of all work that is done, by time. */
  readonly done: number;
  /** Undefined while there is nothing to go by. */
  readonly secondsLeft: number | undefined;
}

/** A smaller share of a piece says little of how long it will take. */
const TELLING_SHARE = 0.02;

/**
 * Tells the time that `pieces`, done in this order, will take: those of a kind that has been done take what
 * that took on average, the others by their weight at the pace of all that has been done, of the current
 * piece, too.
 */
export function createPace(pieces: readonly Piece[], now: () => number = () => performance.now()): Pace {
  const taken = new Map<string, { seconds: number; count: number }>();
  let at = -1;
  let began = 0;
  let current = 0;
  let isOver = true;
  let passedSeconds = 0;
  let passedWeight = 0;

  const elapsed = (): number => (now() - began) / 1000;

  /** What the piece that is being done will take in all, by its own pace. */
  function currentSeconds(): number | undefined {
    return current >= TELLING_SHARE ? elapsed() / current : undefined;
  }

  function secondsOf({ kind, weight }: Piece): number | undefined {
    const known = taken.get(kind);
    if (known) return known.seconds / known.count;
    const own = at >= 0 && pieces[at]?.kind === kind ? currentSeconds() : undefined;
    if (own !== undefined) return own;
    // The first pieces are short, and slow for all that has to be opened: the current one soon tells more.
    const tells = !isOver && current >= TELLING_SHARE;
    const seconds = passedSeconds + (tells ? elapsed() : 0);
    const done = passedWeight + (tells ? current * pieces[at]!.weight : 0);
    return done > 0 ? (weight * seconds) / done : undefined;
  }

  function left(): number | undefined {
    let total = 0;
    for (const [i, piece] of pieces.entries()) {
      if (i < at || (i === at && isOver)) continue;
      const isCurrent = i === at;
      const seconds = (isCurrent ? currentSeconds() : undefined) ?? secondsOf(piece);
      if (seconds === undefined) return undefined;
      total += isCurrent ? Math.max(0, seconds - elapsed()) : seconds;
    }
    return total;
  }

  return {
    begin() {
      at += 1;
      began = now();
      current = 0;
      isOver = false;
    },
    share(share) {
      current = share;
    },
    end() {
      const { kind, weight } = pieces[at]!;
      const known = taken.get(kind) ?? { seconds: 0, count: 0 };
      taken.set(kind, { seconds: known.seconds + elapsed(), count: known.count + 1 });
      passedSeconds += elapsed();
      passedWeight += weight;
      isOver = true;
    },
    get done() {
      const seconds = left();
      const spent = passedSeconds + (isOver ? 0 : elapsed());
      return seconds === undefined || spent + seconds === 0 ? 0 : spent / (spent + seconds);
    },
    get secondsLeft() {
      return left();
    },
  };
}

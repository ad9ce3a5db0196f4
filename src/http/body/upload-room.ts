/** An upload with fewer bytes than these in this time is slow: 13 KB/s. */
const SLOW_MS = 5000;
const SLOW_BYTES = 64 * 1024;
/**
 * A connection may have two pieces of 64 KiB under way that are not counted yet. With this many uploads these
 * are 128 MiB.
 */
const MAX_UPLOADS = 1024;
/** Bodies of up to this size are small. All others together leave a quarter of the room to them. */
const SMALL_BYTES = 1024 ** 2;
const LARGE_SHARE = 0.75;

/** A body that is arriving, or that its request still holds. */
export interface Upload {
  bytes: number;
  readonly isSmall: boolean;
  /** Whether all of it is here. */
  arrived: boolean;
  /** When its last piece came. */
  lastMs: number;
  /**
   * When the current stretch of `SLOW_MS` began, with how many bytes, and whether the stretch before was
   * slow.
   */
  stretchMs: number;
  stretchBytes: number;
  wasSlow: boolean;
  readonly refuse: () => void;
}

export const createUpload = (announcedBytes: number | undefined, refuse: () => void): Upload => ({
  bytes: 0,
  isSmall: announcedBytes !== undefined && announcedBytes <= SMALL_BYTES,
  arrived: false,
  lastMs: performance.now(),
  stretchMs: performance.now(),
  stretchBytes: 0,
  wasSlow: false,
  refuse,
});

const isSilent = ({ lastMs }: Upload): boolean => performance.now() - lastMs > SLOW_MS;
const isOver = ({ stretchMs }: Upload): boolean => performance.now() - stretchMs > SLOW_MS;
const hasLittle = ({ bytes, stretchBytes }: Upload): boolean => bytes - stretchBytes < SLOW_BYTES;
const isSlow = (upload: Upload): boolean =>
  !upload.arrived && (upload.wasSlow || isSilent(upload) || (isOver(upload) && hasLittle(upload)));

/** Records that a piece has come. */
function advance(upload: Upload): void {
  upload.lastMs = performance.now();
  if (!isOver(upload)) return;
  upload.wasSlow = hasLittle(upload);
  upload.stretchMs = performance.now();
  upload.stretchBytes = upload.bytes;
}

/**
 * Room for uploads: `maxBytes` in all, and a limited number of them. Where it is full, slow uploads have to
 * make room.
 */
export function createUploadRoom(maxBytes: number) {
  /** The oldest first. */
  const uploads = new Set<Upload>();
  let held = 0;

  const isFullFor = ({ isSmall }: Upload): boolean => {
    const share = isSmall ? 1 : LARGE_SHARE;
    return held > maxBytes * share || uploads.size > MAX_UPLOADS * share;
  };

  function leave(upload: Upload): void {
    if (uploads.delete(upload)) held -= upload.bytes;
  }

  function makeRoomFor(newcomer: Upload): boolean {
    if (!isFullFor(newcomer)) return true;
    for (const upload of uploads) {
      if (upload === newcomer || !isSlow(upload)) continue;
      leave(upload);
      upload.refuse();
      if (!isFullFor(newcomer)) return true;
    }
    return false;
  }

  return {
    leave,
    /** False where there is no room for another upload. It is not held then. */
    enter(upload: Upload): boolean {
      uploads.add(upload);
      if (makeRoomFor(upload)) return true;
      leave(upload);
      return false;
    },
    /** False where there is no room for this many more bytes of an upload, or where it has lost its place. */
    take(upload: Upload, bytes: number): boolean {
      if (!uploads.has(upload)) return false;
      upload.bytes += bytes;
      held += bytes;
      const fits = makeRoomFor(upload);
      advance(upload);
      return fits;
    },
    /** Corrects the size that an upload holds. */
    resize(upload: Upload, bytes: number): void {
      if (!uploads.has(upload)) return;
      held += bytes - upload.bytes;
      upload.bytes = bytes;
    },
  };
}

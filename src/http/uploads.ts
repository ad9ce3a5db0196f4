import { Transform } from 'node:stream';
import type { FastifyRequest, RequestPayload } from 'fastify';
import { ServiceError } from '../errors.ts';
import type { App } from './app-instance.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Its body on its way in; null where it has none. */
    upload: Upload | null;
  }
}

/** A body that takes longer has to give way to others; in this time 10 MB arrive at 16 Mbit/s. */
const PATIENCE_MS = 5000;

export interface Upload {
  readonly startedMs: number;
  bytes: number;
  /** Whether all of the body is here; it may still have to be parsed. */
  arrived: boolean;
  refuse(): void;
  /** Takes as much room as it turned out to need. */
  resize(bytes: number): void;
  /** Gives its room back before the answer, because its bytes are counted elsewhere from now on, or gone. */
  leave(): void;
}

const refusal = (): ServiceError =>
  new ServiceError('rate_limited', 'The service is sent more bytes at a time than it can hold.', {
    retryAfterSeconds: 1,
  });

/** Room for `maxBytes` bytes of bodies. */
function createRoom(maxBytes: number) {
  /** The oldest first. */
  const uploads = new Set<Upload>();
  let held = 0;

  function slowest(): Upload | undefined {
    const now = performance.now();
    for (const upload of uploads) {
      if (now - upload.startedMs < PATIENCE_MS) return undefined;
      if (!upload.arrived) return upload;
    }
    return undefined;
  }

  function leave(upload: Upload): void {
    if (uploads.delete(upload)) held -= upload.bytes;
  }

  function resize(upload: Upload, bytes: number): void {
    if (!uploads.has(upload)) return;
    held += bytes - upload.bytes;
    upload.bytes = bytes;
  }

  return {
    resize,
    enter: (upload: Upload) => void uploads.add(upload),
    leave,
    /** False where there is no room for so much more of an upload, or none any more for it at all. */
    take(upload: Upload, bytes: number): boolean {
      if (!uploads.has(upload)) return false;
      upload.bytes += bytes;
      held += bytes;
      while (held > maxBytes) {
        const slow = slowest();
        if (slow === undefined || slow === upload) return false;
        leave(slow);
        slow.refuse();
      }
      return true;
    },
  };
}

/**
 * The bytes of `payload`, counted on their way by `take`, and at their end what they unpack to. Fails where that finds no room, or
 * the payload is cut short.
 */
function counted(payload: RequestPayload, unpacked: number, take: (bytes: number) => boolean): Transform {
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      // One chunk at a time in turn with everything else: Node would read two megabytes of each connection that has them, and
      // a thousand fast senders would keep it from looking up for seconds.
      if (take(chunk.length)) setImmediate(done, null, chunk);
      else done(refusal());
    },
    flush(done) {
      done(take(unpacked) ? null : refusal());
    },
  });
  // Fastify stops listening when it has its body, or does not want it.
  stream.on('error', () => {});
  payload.on('error', (error) => stream.destroy(error));
  return payload.pipe(stream);
}

const hasBody = ({ headers }: FastifyRequest): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

/** What a compressed body may come to when it is unpacked, before anything looks at it. */
const unpackedBytes = ({ headers, routeOptions }: FastifyRequest): number =>
  (headers['content-encoding'] ?? 'identity').toLowerCase() === 'identity' ? 0 : routeOptions.bodyLimit!;

/**
 * Holds at most `maxBytes` of bodies, of all requests together, until their answer or until the route lets go of them. What arrives
 * is counted, not what is announced, so that nobody takes room with a header. A body that does not fit is refused with
 * `rate_limited`; but where others have been arriving for longer than five seconds, the oldest of them is refused in its place,
 * so that bodies that never end shut nobody out.
 */
export function limitUploads(app: App, maxBytes: number): void {
  const room = createRoom(maxBytes);
  app.decorateRequest('upload', null);

  app.addHook('preParsing', async (request, reply, payload) => {
    if (!hasBody(request)) return payload;
    const stream = counted(payload, unpackedBytes(request), (bytes) => room.take(upload, bytes));
    const upload: Upload = {
      startedMs: performance.now(),
      bytes: 0,
      arrived: false,
      refuse: () => void stream.destroy(refusal()),
      resize: (bytes) => room.resize(upload, bytes),
      leave: () => room.leave(upload),
    };
    stream.once('end', () => {
      upload.arrived = true;
    });
    room.enter(upload);
    request.upload = upload;
    reply.raw.once('close', upload.leave);
    return stream;
  });
}

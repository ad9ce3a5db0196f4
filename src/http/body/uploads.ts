import { Transform } from 'node:stream';
import type { FastifyRequest, RequestPayload } from 'fastify';
import { ServiceError } from '../../errors.ts';
import type { App } from '../server/app-instance.ts';
import { onRequestEnd } from '../server/request-end.ts';
import { createTurns } from '../server/turns.ts';
import { createUpload, createUploadRoom, type Upload } from './upload-room.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The room that its body takes. Null where it takes none. */
    upload: {
      /** Changes its room to the size that it really needs. */
      resize(bytes: number): void;
      /** Gives the room back before the answer, because the bytes are now counted elsewhere, or gone. */
      leave(): void;
    } | null;
  }
}

/**
 * In each turn of the event loop Node reads everything available from every connection. A thousand fast
 * senders would block the loop for seconds. These pieces are 2 MiB a turn.
 */
const PIECES_A_TURN = 32;
const PIECE_BYTES = 64 * 1024;
/** How many pieces' work it is to copy a body into one block, which happens when all of it is here. */
const piecesToCopy = ({ bytes }: Upload): number => bytes / PIECE_BYTES;

const refusal = (): ServiceError =>
  new ServiceError('rate_limited', 'The service receives more bytes at a time than it can hold.', {
    retryAfterSeconds: 1,
  });

interface Counting {
  /** Whether there is room for this many more bytes. */
  take(bytes: number): boolean;
  /** Calls back when the next piece may go on. */
  wait(next: () => void): void;
  /** Calls back when the body may end. */
  waitForEnd(next: () => void): void;
  /** The size of the unpacked body, before anything reads it. */
  readonly unpackedBytes: number;
}

/**
 * The bytes of `payload`, counted on their way. Fails where there is no room for them, or the payload is cut
 * short.
 */
function counted(payload: RequestPayload, { take, wait, waitForEnd, unpackedBytes }: Counting): Transform {
  const stream = new Transform({
    transform(piece: Buffer, _encoding, done) {
      if (take(piece.length)) wait(() => done(null, piece));
      else done(refusal());
    },
    flush(done) {
      if (take(unpackedBytes)) waitForEnd(done);
      else done(refusal());
    },
  });
  // Fastify stops listening when it has its body, or does not want it.
  stream.on('error', () => {});
  payload.on('error', (error) => stream.destroy(error));
  return payload.pipe(stream);
}

/** The length in the headers. Undefined where they do not give it, 0 where there is no body. */
function announcedBytes({ headers }: FastifyRequest): number | undefined {
  return headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : undefined;
}

const unpackedBytes = ({ headers, routeOptions }: FastifyRequest): number =>
  (headers['content-encoding'] ?? 'identity').toLowerCase() === 'identity' ? 0 : routeOptions.bodyLimit!;

/**
 * Holds at most `maxBytes` of bodies, of all requests together, until their answer or until the route
 * releases them. Counts bytes that arrive, not announced ones, so that nobody takes room with a header. A
 * body that does not fit is refused with `rate_limited`. But where other bodies arrive slowly or not at all,
 * they are refused instead, so that bodies that never end shut nobody out. Large bodies leave room for small
 * ones.
 */
export function limitUploads(app: App, maxBytes: number): void {
  const room = createUploadRoom(maxBytes);
  const turns = createTurns(PIECES_A_TURN);
  app.decorateRequest('upload', null);

  app.addHook('preParsing', async (request, reply, payload) => {
    const announced = announcedBytes(request);
    if (announced === 0) return payload;
    let stream: Transform | undefined;
    const upload = createUpload(announced, () => void stream?.destroy(refusal()));
    const leave = () => room.leave(upload);
    if (!room.enter(upload)) {
      reply.header('connection', 'close');
      throw refusal();
    }
    onRequestEnd(request.raw, reply.raw, leave);
    stream = counted(payload, {
      take: (bytes) => room.take(upload, bytes),
      wait: (next) => turns(next, upload.bytes === announced ? 1 + piecesToCopy(upload) : 1),
      // Nobody knows the last piece of a body without a length.
      waitForEnd: (next) => (announced === undefined ? turns(next, piecesToCopy(upload)) : next()),
      unpackedBytes: unpackedBytes(request),
    });
    stream.once('end', () => {
      upload.arrived = true;
    });
    request.upload = { leave, resize: (bytes) => room.resize(upload, bytes) };
    return stream;
  });
}

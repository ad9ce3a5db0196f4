import assert from 'node:assert/strict';
import { readSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { elementCount, ofBytes, type Tensor, zeros } from '../../tensor.ts';
import type { Tensors } from '../engine.ts';
import type { Request } from './messages.ts';

/*
 * The feeds of a run cross to a child as bare bytes, in a pipe beside the channel of messages and right
 * behind their message. Inside the message they would be copied at both ends and come in small pieces, which
 * takes twice the time.
 *
 * In front of the bytes of a run stand how many feeds it has, and of each the number of its bytes and how
 * many they are with the zeros that fill it up. So a thread can read them that does not hear the messages.
 */

/** The file descriptor of the pipe's end in the child. */
export const FEEDS_FD = 4;

/** The argument of a child that gets its next request while it is busy with one. */
export const READS_AHEAD = '--read-ahead';

/** The request as the message carries it: its feeds have types and shapes, but no data. */
export function withoutFeedData<R extends Request>(request: R): R {
  if (request.kind !== 'run') return request;
  const empty = ([name, tensor]: [string, Tensor]) =>
    [name, { ...tensor, data: zeros(tensor.type, 0) } as Tensor] as const;
  return { ...request, feeds: Object.fromEntries(Object.entries(request.feeds).map(empty)) };
}

/** The shape of a feed when it is filled up. */
function filledDims(request: Request & { kind: 'run' }, name: string): readonly number[] {
  const { feeds, filling } = request;
  const { dims } = feeds[name]!;
  return name === filling?.feed ? [filling.to, ...dims.slice(1)] : dims;
}

/** Sends the data that the message left out. */
export function writeFeedData(pipe: Writable, request: Request): void {
  if (request.kind !== 'run') return;
  const feeds = Object.entries(request.feeds);
  const sizes = feeds.flatMap(([name, { data, dims }]) => {
    // The child would wait for ever for the missing bytes.
    assert(data.length === elementCount(dims), `The feed "${name}" does not fill its shape. This is a bug.`);
    return [data.byteLength, elementCount(filledDims(request, name)) * data.BYTES_PER_ELEMENT];
  });
  // Corked, they leave in one system call.
  pipe.cork();
  pipe.write(new Uint8Array(Float64Array.of(feeds.length, ...sizes).buffer));
  for (const [, { data }] of feeds) {
    const { buffer, byteOffset, byteLength } = data;
    if (byteLength > 0) pipe.write(new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength));
  }
  pipe.uncork();
}

function readBytes(bytes: Uint8Array): void {
  for (let read = 0; read < bytes.length; ) {
    const more = readSync(FEEDS_FD, bytes, read, bytes.length - read, null);
    if (more === 0) throw new Error('The pipe of feeds ended early.');
    read += more;
  }
}

function readNumbers(count: number): Float64Array {
  const numbers = new Float64Array(count);
  readBytes(new Uint8Array(numbers.buffer));
  return numbers;
}

/**
 * In the child: the bytes of the next run's feeds, filled up, once all of them have come. Throws where the
 * parent closes the pipe before that.
 */
export function readFeeds(): ArrayBuffer[] {
  const [count] = readNumbers(1);
  const sizes = readNumbers(2 * count!);
  return Array.from({ length: count! }, (_, i) => {
    const buffer = new ArrayBuffer(sizes[2 * i + 1]!);
    readBytes(new Uint8Array(buffer, 0, sizes[2 * i]!));
    return buffer;
  });
}

/** In the child: the request with the bytes of its feeds. */
export function withFeedData<R extends Request & { kind: 'run' }>(
  request: R,
  bytes: readonly ArrayBuffer[],
): R {
  const feeds: Tensors = Object.fromEntries(
    Object.entries(request.feeds).map(([name, { type }], i) => {
      return [name, { type, dims: filledDims(request, name), data: ofBytes(type, bytes[i]!) } as Tensor];
    }),
  );
  return { ...request, feeds };
}

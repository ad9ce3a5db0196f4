import assert from 'node:assert/strict';
import { readSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { elementCount, type Tensor, zeros } from '../../tensor.ts';
import type { Tensors } from '../engine.ts';
import type { Request } from './messages.ts';

/*
 * The feeds of a run cross to a child as bare bytes, in a pipe beside the channel of messages and right
 * behind their message. Inside the message they would be copied at both ends and come in small pieces, which
 * takes twice the time.
 */

/** The file descriptor of the pipe's end in the child. */
export const FEEDS_FD = 4;

const mapTensors = (tensors: Tensors, change: (tensor: Tensor) => Tensor): Tensors =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, change(tensor)]));

/** The request as the message carries it: its feeds have types and shapes, but no data. */
export function withoutFeedData<R extends Request>(request: R): R {
  if (request.kind !== 'run') return request;
  const empty = (tensor: Tensor) => ({ ...tensor, data: zeros(tensor.type, 0) }) as Tensor;
  return { ...request, feeds: mapTensors(request.feeds, empty) };
}

/** Sends the data that the message left out. */
export function writeFeedData(pipe: Writable, request: Request): void {
  if (request.kind !== 'run') return;
  for (const [name, { data, dims }] of Object.entries(request.feeds)) {
    // The child would wait for ever for the missing bytes.
    assert(data.length === elementCount(dims), `The feed "${name}" does not fill its shape. This is a bug.`);
    const { buffer, byteOffset, byteLength } = data;
    if (byteLength > 0) pipe.write(new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength));
  }
}

/**
 * In the child: the request with its feeds' data, once all of it has come. Throws where the parent closes the
 * pipe before that.
 */
export function withFeedData<R extends Request>(request: R): R {
  if (request.kind !== 'run') return request;
  const { feeds, filling } = request;
  const read = ([name, tensor]: [string, Tensor]) =>
    [name, readData(tensor, name === filling?.feed ? filling.to : undefined)] as const;
  return { ...request, feeds: Object.fromEntries(Object.entries(feeds).map(read)) };
}

/** Reads a tensor into the beginning of one of `rows` rows, where given. Zeros follow. */
function readData(tensor: Tensor, rows: number | undefined): Tensor {
  const dims = rows === undefined ? tensor.dims : [rows, ...tensor.dims.slice(1)];
  const data = zeros(tensor.type, elementCount(dims));
  const length = elementCount(tensor.dims) * data.BYTES_PER_ELEMENT;
  const bytes = new Uint8Array(data.buffer, 0, length);
  for (let read = 0; read < bytes.length; ) {
    const more = readSync(FEEDS_FD, bytes, read, bytes.length - read, null);
    if (more === 0) throw new Error('The pipe of feeds ended early.');
    read += more;
  }
  return { ...tensor, dims, data } as Tensor;
}

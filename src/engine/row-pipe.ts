import assert from 'node:assert/strict';
import { readSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { elementCount, type Tensor } from '../tensor.ts';
import type { Request } from './messages.ts';

/*
 * The rows of a request cross to a child as bare bytes, in a pipe beside the channel of messages and right behind the message that
 * belongs to them. Within the message they would be copied at both ends and come in small pieces: twice the time.
 */

/** The file descriptor of the pipe's end in the child. */
export const ROWS_FD = 4;

const NO_DATA = new Float32Array(0);

/** The request as the message says it: its rows have a shape, but no data. */
export function withoutRowData<R extends Request>(request: R): R {
  return 'rows' in request ? { ...request, rows: { ...request.rows, data: NO_DATA } } : request;
}

/** Sends the data that the message left out. */
export function writeRowData(pipe: Writable, request: Request): void {
  if (!('rows' in request)) return;
  const { data, dims } = request.rows;
  // The child would wait for ever for what is missing.
  assert(data.length === elementCount(dims), 'Rows do not fill their shape. This is a bug.');
  const { buffer, byteOffset, byteLength } = data;
  pipe.write(new Uint8Array(buffer, byteOffset, byteLength));
}

/** In the child: the request with its rows' data, once all of it has come. Throws where the parent closes the pipe before. */
export function withRowData<R extends Request>(request: R): R {
  return 'rows' in request ? { ...request, rows: readRows(request.rows) } : request;
}

function readRows(rows: Tensor<'float32'>): Tensor<'float32'> {
  const data = new Float32Array(elementCount(rows.dims));
  const bytes = new Uint8Array(data.buffer);
  for (let read = 0; read < bytes.length; ) {
    const more = readSync(ROWS_FD, bytes, read, bytes.length - read, null);
    if (more === 0) throw new Error('The pipe of rows ended early.');
    read += more;
  }
  return { ...rows, data };
}

import { type ErrorCode, ServiceError } from '../../errors.ts';
import type { Delivery, KeptResult, RowPayload } from '../batch-queue.ts';

/** A JSON header and bytes: the length of the header (uint32, little-endian), the header, the bytes. */
function frame(prefix: string, header: unknown, bodies: readonly Uint8Array[]): Buffer {
  const json = Buffer.from(JSON.stringify(header));
  const start = Buffer.alloc(prefix.length + 4);
  start.write(prefix, 'latin1');
  start.writeUInt32LE(json.length, prefix.length);
  return Buffer.concat([start, json, ...bodies]);
}

function unframe(bytes: Buffer, offset: number): { header: unknown; body: Buffer } {
  const start = offset + 4;
  const end = start + bytes.readUInt32LE(offset);
  return { header: JSON.parse(bytes.toString('utf8', start, end)), body: bytes.subarray(end) };
}

const bytesOf = (data: Uint8Array | Float32Array): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** Copies, because the bytes of a reply begin anywhere, and numbers must be aligned. */
function floatsOf(bytes: Uint8Array): Float32Array {
  const floats = new Float32Array(bytes.length / 4);
  bytesOf(floats).set(bytes);
  return floats;
}

interface RowHeader {
  readonly type: RowPayload['type'];
  readonly keepMs?: number;
  readonly memo?: string;
  readonly traceparent?: string;
}

/** A row as it travels. Bytes are in the machine's order: all processes run on machines of one byte order. */
export interface TravellingRow {
  readonly row: RowPayload;
  readonly keep?: { readonly ms: number; readonly memo: string };
  readonly traceparent?: string;
}

export function encodeRow({ row, keep, traceparent }: TravellingRow): Buffer {
  const header: RowHeader = {
    type: row.type,
    ...(keep && { keepMs: keep.ms, memo: keep.memo }),
    ...(traceparent !== undefined && { traceparent }),
  };
  return frame('', header, [bytesOf(row.data)]);
}

export function decodeRow(bytes: Buffer): TravellingRow {
  const { header, body } = unframe(bytes, 0);
  const { type, keepMs, memo, traceparent } = header as RowHeader;
  return {
    row: { type, data: type === 'float32' ? floatsOf(body) : body },
    ...(keepMs !== undefined && { keep: { ms: keepMs, memo: memo! } }),
    ...(traceparent !== undefined && { traceparent }),
  };
}

/** The outcome of a row. */
export interface Outcome {
  readonly id: string;
  readonly result: Delivery | ServiceError;
  /** The memo of a kept row. */
  readonly memo?: string | undefined;
}

interface AnswerHeader {
  readonly id: string;
  readonly memo?: string | undefined;
  readonly batch: Delivery['batch'];
  readonly queueMs: number;
  readonly runMs: number;
  readonly applied: string;
  readonly steps: number;
  /** How many numbers the logits and the static logits have each. The rest is the entropy. */
  readonly classes: number;
  /** The top classes, in base64. They are here so that processes of an earlier release can read the rest. */
  readonly top?: string;
}

interface FailureHeader {
  readonly id: string;
  readonly memo?: string | undefined;
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryAfterSeconds?: number | undefined;
}

/**
 * Answers begin with A and failures with F, so that scripts can distinguish them. Causes of errors are not
 * sent.
 */
export function encodeOutcome({ id, result, memo }: Outcome): Buffer {
  if (result instanceof ServiceError) {
    const { code, message, retryAfterSeconds } = result;
    return frame('F', { id, memo, code, message, retryAfterSeconds } satisfies FailureHeader, []);
  }
  const { answer, batch, queueMs, runMs } = result;
  const { logits, staticLogits, entropy, top, applied, steps } = answer;
  const timing = { queueMs, runMs };
  const header: AnswerHeader = {
    ...{ id, memo, batch, ...timing, applied, steps, classes: logits.length },
    ...(top && { top: Buffer.from(bytesOf(top)).toString('base64') }),
  };
  return frame('A', header, [logits, staticLogits, entropy].map(bytesOf));
}

export function decodeOutcome(bytes: Buffer): Outcome {
  const { header, body } = unframe(bytes, 1);
  if (bytes.toString('latin1', 0, 1) === 'F') {
    const { id, memo, code, message, retryAfterSeconds } = header as FailureHeader;
    const options = retryAfterSeconds === undefined ? {} : { retryAfterSeconds };
    return { id, memo, result: new ServiceError(code, message, options) };
  }
  const { id, memo, batch, queueMs, runMs, applied, steps, classes, top } = header as AnswerHeader;
  const floats = floatsOf(body);
  const logits = floats.slice(0, classes);
  const staticLogits = floats.slice(classes, 2 * classes);
  const entropy = floats.slice(2 * classes);
  const tops = top !== undefined && { top: floatsOf(Buffer.from(top, 'base64')) };
  const answer = { logits, staticLogits, entropy, ...tops, applied, steps };
  return {
    id,
    memo,
    result: { answer, batch, queueMs, runMs, ...(memo !== undefined && { memo }) },
  };
}

/**
 * A kept row as the script `dentResult` returns it. Undefined where the row was not kept. `expired` is its
 * outcome where it was not answered in time.
 */
export function decodeKept(bytes: Buffer, expired: () => ServiceError): KeptResult | undefined {
  if (bytes.toString('latin1', 0, 1) !== 'P') {
    const { memo, result } = decodeOutcome(bytes);
    return memo === undefined ? undefined : { memo, outcome: result };
  }
  const memo = bytes.toString('utf8', 3);
  return bytes.toString('latin1', 1, 2) === '1' ? { memo } : { memo, outcome: expired() };
}

import { ServiceError } from '../../../errors.ts';

/**
 * A body with its two parts. `json` is absent in raw mode, where the body is only the bytes of the one input.
 */
export interface SplitBody {
  readonly json?: Buffer;
  /** The binary tensors, one after the other. */
  readonly tensors: Buffer;
}

/**
 * Splits a body where its JSON ends according to the header Inference-Header-Content-Length. Without the
 * header it is all JSON.
 */
export function splitBody(body: Buffer, headerLength: string | undefined): SplitBody {
  if (headerLength === undefined) return { json: body, tensors: body.subarray(body.length) };
  const length = /^\d{1,15}$/.test(headerLength) ? Number(headerLength) : Number.NaN;
  if (!(length <= body.length)) {
    throw new ServiceError(
      'invalid_request',
      `inference header size should be in range (0, ${body.length}), got: ${headerLength.slice(0, 32)}`,
    );
  }
  if (length === 0) return { tensors: body };
  return { json: body.subarray(0, length), tensors: body.subarray(length) };
}

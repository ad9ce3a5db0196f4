import { buildTestApp } from './build-test-app.ts';

const URL_ = '/v2/models/colours/infer';
const LENGTH = 'inference-header-content-length';
/** The limit of a body of `openTensorApp`. */
export const BODY_LIMIT = 2 ** 16;
/** Numbers of a row. */
export const ROW = 3 * 4 * 4;

/** Red 1, green 2 and blue 3 in the first row, and so on: channel sums 16, 32, 48 in the first row. */
export const values = (rows: number) => Array.from({ length: rows * ROW }, (_, i) => 1 + Math.floor(i / 16));
export const sums = (rows: number) => Array.from({ length: rows * 3 }, (_, plane) => 16 * (1 + plane));
export const input = (rows: number, more: object = { data: values(rows) }) => ({
  name: 'pixels',
  shape: [rows, 3, 4, 4],
  datatype: 'FP32',
  ...more,
});
export const floats = (rows: number) => Buffer.from(Float32Array.from(values(rows)).buffer);

/** The test app, and the ways to post tensors to it. */
export async function openTensorApp() {
  const test = await buildTestApp({ limits: { bodyBytes: BODY_LIMIT } });

  const post = (payload: Buffer | string, headers: Record<string, string> = {}, url = URL_) =>
    test.app.inject({ method: 'POST', url, headers, payload: Buffer.from(payload) });

  const json = (request: object, headers: Record<string, string> = {}, url = URL_) =>
    post(JSON.stringify(request), { 'content-type': 'application/json', ...headers }, url);

  /** JSON and the tensors behind it. */
  const binary = (request: object, tensor: Uint8Array, headers: Record<string, string> = {}) => {
    const head = Buffer.from(JSON.stringify(request));
    return post(Buffer.concat([head, tensor]), { [LENGTH]: `${head.length}`, ...headers });
  };

  return { test, post, json, binary };
}

import createClient, { type Client, type ClientOptions } from 'openapi-fetch';
import { type Problem, toError } from './problem-error.ts';
import type { components, operations, paths } from './schema.ts';

export { isProblem, type Problem, ProblemError } from './problem-error.ts';
export type { components, operations, paths } from './schema.ts';

type Schemas = components['schemas'];
export type Model = Schemas['Model'];
export type Prediction = Schemas['Prediction'];

/** An encoded image: a file or another blob of a page, or bytes. */
export type Image = Blob | ArrayBuffer | Uint8Array<ArrayBuffer>;

export interface DentOptions extends Pick<ClientOptions, 'fetch'> {
  /** The service's address, such as `http://localhost:8080`. */
  readonly baseUrl: string;
  /** Needed where the operator has configured keys. */
  readonly apiKey?: string;
}

type Query = NonNullable<operations['predict']['parameters']['query']>;

export interface PredictOptions extends Query {
  /** The service's default model where none is named. */
  readonly model?: string;
  /** A version of the named model. Without it, the one that serves by default. */
  readonly version?: number;
  /** Ends the wait, and the work where it has not begun. */
  readonly signal?: AbortSignal;
}

export interface Dent {
  /** Classifies an image. Rejects with `ProblemError` where the service refuses it. */
  predict(image: Image, options?: PredictOptions): Promise<Prediction>;
  /**
   * Classifies several images together. Resolves in order with the prediction of each, or the problem that it
   * failed with.
   */
  predictAll(images: readonly Image[], options?: PredictOptions): Promise<(Prediction | Problem)[]>;
  models(): Promise<Model[]>;
  /** Every route of the API by its path, with the types of `openapi.yaml`. */
  readonly api: Client<paths>;
}

const toBlob = (image: Image): Blob => (image instanceof Blob ? image : new Blob([image]));

interface Reply<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

async function dataOf<T>(reply: Promise<Reply<T>>): Promise<T> {
  const { data, error, response } = await reply;
  if (!response.ok || data === undefined) throw toError(error, response);
  return data;
}

export function createDent({ apiKey, ...options }: DentOptions): Dent {
  const api = createClient<paths>({
    ...options,
    headers: { authorization: apiKey === undefined ? null : `Bearer ${apiKey}` },
  });

  /** Posts a body unchanged. */
  function post(body: Blob | FormData, { model, version, signal, ...query }: PredictOptions) {
    const init = {
      body: body as Blob,
      bodySerializer: () => body,
      // `fetch` sets the type of a form and its boundary.
      headers: body instanceof Blob ? { 'content-type': 'application/octet-stream' } : {},
      ...(signal && { signal }),
    };
    if (model === undefined) return dataOf(api.POST('/v1/predict', { ...init, params: { query } }));
    if (version === undefined) {
      const params = { query, path: { name: model } };
      return dataOf(api.POST('/v1/models/{name}/predict', { ...init, params }));
    }
    const params = { query, path: { name: model, version: String(version) } };
    return dataOf(api.POST('/v1/models/{name}/versions/{version}/predict', { ...init, params }));
  }

  return {
    api,
    predict: async (image, options = {}) => (await post(toBlob(image), options)) as Prediction,
    async predictAll(images, options = {}) {
      const form = new FormData();
      // A name makes a field a file.
      for (const [i, image] of images.entries()) form.append('images', toBlob(image), `${i}`);
      return ((await post(form, options)) as Schemas['PredictionResults']).results;
    },
    models: async () => (await dataOf(api.GET('/v1/models'))).models,
  };
}

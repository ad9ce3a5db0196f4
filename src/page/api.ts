import type { components } from '../../clients/typescript/src/schema.ts';
import { type Complaint, complaintOf, noAnswer } from './words.ts';

type Schemas = components['schemas'];
export type Prediction = Schemas['Prediction'];
export type ModelInput = Schemas['ModelInput'];
export type RecipeSettings = Schemas['Recipe'];
type Problem = Schemas['Problem'];

/** A model that can be asked. */
export interface Model {
  readonly name: string;
  readonly input: ModelInput;
  readonly labels: readonly string[];
  readonly recipes: readonly string[];
  /** By recipe. */
  readonly settings: Readonly<Record<string, RecipeSettings>>;
  readonly defaultRecipe: string;
}

/** Words for a person instead of an answer. */
export class Refusal extends Error {
  readonly complaint: Complaint;
  constructor(complaint: Complaint) {
    super(complaint.says);
    this.complaint = complaint;
  }
}

/** The key is in this page's memory alone, and is forgotten with it. */
let apiKey = '';
export const rememberKey = (key: string): void => {
  apiKey = key.trim();
};
export const hasKey = (): boolean => apiKey !== '';

/** Rejects with `Refusal`, or with the signal's reason. */
async function request(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  if (apiKey !== '') headers.set('authorization', `Bearer ${apiKey}`);
  let reply: Response;
  try {
    reply = await fetch(path, { ...init, headers });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new Refusal(noAnswer());
  }
  if (!reply.ok) {
    const body = await reply.json().catch(() => undefined);
    throw new Refusal(
      complaintOf(reply.status, body as Problem | undefined, reply.headers.get('retry-after')),
    );
  }
  return reply;
}

const ask = async <T>(path: string, init: RequestInit = {}): Promise<T> => (await request(path, init)).json();

/** The models that can be asked, the default one first. */
export async function models(): Promise<Model[]> {
  const { models } = await ask<Schemas['ModelList']>('v1/models');
  return models.flatMap(({ name, defaultVersion, input, labels, recipes, defaultRecipe }) =>
    defaultVersion !== undefined && input && labels && recipes && defaultRecipe !== undefined
      ? [{ name, input, labels, recipes: Object.keys(recipes), settings: recipes, defaultRecipe }]
      : [],
  );
}

/** More than are shown, so that the classes of both answers have both of their numbers. */
export const TOP_K = 10;
const pathOf = (model: Model, recipe: string): string =>
  `v1/models/${encodeURIComponent(model.name)}/predict?recipe=${encodeURIComponent(recipe)}&top_k=${Math.min(TOP_K, model.labels.length)}`;

/** What the model says of the picture, with the story of its adaptation. */
export const predict = (
  model: Model,
  recipe: string,
  image: Blob,
  signal: AbortSignal,
): Promise<Prediction> => ask(`${pathOf(model, recipe)}&trace=true`, { method: 'POST', body: image, signal });

/**
 * The same of several pictures in one request, which are adapted together where the recipe adapts to a batch.
 */
export async function predictAll(
  model: Model,
  recipe: string,
  images: readonly Blob[],
  signal: AbortSignal,
): Promise<readonly (Prediction | Problem)[]> {
  const form = new FormData();
  for (const image of images) form.append('images', image, 'image.png');
  const answer = await ask<{ results: (Prediction | Problem)[] }>(pathOf(model, recipe), {
    method: 'POST',
    body: form,
    signal,
  });
  return answer.results;
}

/** Whether the server attacks pictures. */
export const playground = async (): Promise<boolean> =>
  (await ask<{ attacks: boolean }>('v1/playground')).attacks;

/** An attack: how far it moves each pixel at most, of 255, and the recipe that it sees, if any. */
export interface AttackOptions {
  readonly eps: number;
  readonly recipe?: string | undefined;
}

/** The model's own pixels of the picture, moved so that the model errs; with an eps of 0 as they are. */
export async function pixelsForModel(
  model: Model,
  image: Blob,
  { eps, recipe }: AttackOptions,
): Promise<Blob> {
  const sees = recipe === undefined ? '' : `&recipe=${encodeURIComponent(recipe)}`;
  const path = `v1/models/${encodeURIComponent(model.name)}/attack?eps=${eps}${sees}`;
  return (await request(path, { method: 'POST', body: image })).blob();
}

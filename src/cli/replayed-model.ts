import type { Recipe } from '../dent/index.ts';
import { InputError } from '../errors.ts';
import { isStatic, writtenRecipe } from '../evaluation/index.ts';
import type { SavedIndex } from './saved-batches.ts';

/** A running server. */
export interface Server {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What a server says of a model. */
interface Described {
  readonly versions: readonly { readonly version: number; readonly sha256: string }[];
  readonly defaultVersion: number;
  readonly recipes: Readonly<Record<string, Recipe>>;
  readonly defaultRecipe: string;
}

/** How the answer of a recipe is asked for. */
export interface Question {
  readonly recipe: string;
  /** Which output is the answer. */
  readonly output: string;
}

/** A model on a server, beside the one that batches were saved of. */
export interface ReplayedModel {
  readonly url: URL;
  readonly questions: Readonly<Record<string, Question>>;
  /** What is otherwise there, in sentences. */
  readonly differences: readonly string[];
}

/** Rejects with `InputError` where the server cannot be reached, or in its words where it refuses. */
export async function ask(url: URL, init: RequestInit): Promise<Response> {
  const response = await fetch(url, init).catch((cause: Error) => {
    const reason = (cause.cause as Error | undefined)?.message ?? cause.message;
    throw new InputError(`${url.origin}: the server cannot be reached (${reason}).`, { cause });
  });
  if (response.ok) return response;
  const hint = response.status === 401 ? ' --api-key-file names the file of a key.' : '';
  throw new InputError(`${url}: the server refuses: ${refusalOf(await response.text())}${hint}`);
}

/** A refusal of /v1 has a detail, one of /v2 an error. */
function refusalOf(body: string): string {
  try {
    const { detail, error } = JSON.parse(body);
    return String(detail ?? error);
  } catch {
    return body.slice(0, 200);
  }
}

async function describe(url: URL, headers: Server['headers']): Promise<Described> {
  const response = await ask(url, { headers });
  const described = (await response.json().catch(() => ({}))) as Partial<Described>;
  if (described.recipes === undefined || described.versions === undefined)
    throw new InputError(`${url}: no dent server answers there; --url is the address of one.`);
  return described as Described;
}

/**
 * Looks at what the server has under a name. Rejects with `InputError` where it lacks a recipe, before
 * anything is posted. Every recipe's answer has that of the model as it is beside it, so `static` needs none.
 */
export async function findReplayedModel(
  { url, headers }: Server,
  model: string,
  { sha256, recipes, output }: SavedIndex,
): Promise<ReplayedModel> {
  const place = encodeURIComponent(model);
  const there = await describe(new URL(`/v1/models/${place}`, url), headers);
  const differences: string[] = [];
  const own = there.versions.find(({ version }) => version === there.defaultVersion)?.sha256;
  if (own !== sha256)
    differences.push(
      `The file of ${model} there is another one (sha256 ${own?.slice(0, 12)}…) than the batches are of (${sha256.slice(0, 12)}…).`,
    );
  const questions: Record<string, Question> = {};
  for (const [name, saved] of Object.entries(recipes) as [string, Recipe][]) {
    const served = there.recipes[name];
    if (served === undefined && isStatic({ recipe: saved })) {
      questions[name] = { recipe: there.defaultRecipe, output: 'static_logits' };
      continue;
    }
    if (served === undefined) {
      throw new InputError(
        `${url}: the model ${model} there has no recipe ${name}; write ${JSON.stringify({ [name]: writtenRecipe(saved) })} into the recipes of its model.json.`,
      );
    }
    const fields = (Object.keys(saved) as (keyof Recipe)[]).filter((field) => saved[field] !== served[field]);
    if (fields.length > 0) {
      const each = fields.map((field) => `${field} ${served[field]} and not ${saved[field]}`);
      differences.push(`The recipe ${name} has other settings there: ${each.join(', ')}.`);
    }
    questions[name] = { recipe: name, output };
  }
  return { url: new URL(`/v2/models/${place}/infer`, url), questions, differences };
}

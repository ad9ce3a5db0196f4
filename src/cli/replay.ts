import { join } from 'node:path';
import { InputError } from '../errors.ts';
import { answersOf } from '../evaluation/index.ts';
import { float32, type Tensor } from '../tensor.ts';
import { openNpy } from './npy.ts';
import { createProgress } from './progress.ts';
import { readSavedIndex, type SavedBatch, type SavedIndex } from './saved-batches.ts';

export interface ReplayOptions {
  readonly dir: string;
  readonly url: string;
  /**
   * What the model is called on the server; as it was called when the batches were saved where it is not
   * given.
   */
  readonly model?: string | undefined;
  /** Where the server asks for one. */
  readonly apiKey?: string | undefined;
}

/** Where batches are posted to. */
interface Endpoint {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * What a server answered to the batches of one condition under one recipe, and what had been answered when
 * they were saved.
 */
export interface Replayed {
  readonly condition: string;
  readonly recipe: string;
  readonly rows: number;
  readonly savedCorrect: number;
  readonly correct: number;
  /** Rows whose answer is another one. */
  readonly differ: number;
  /**
   * Rows that the server did not adapt in the very batch that was sent: others were among them, or they were
   * cut.
   */
  readonly inOtherBatches: number;
}

interface Answer {
  readonly answers: Int32Array;
  readonly isWhole: boolean;
}

async function readBatch(path: string): Promise<Tensor<'float32'>> {
  const file = await openNpy(path);
  try {
    return await file.readRows(0, file.shape[0]!);
  } finally {
    await file.close();
  }
}

/** Posts a batch as one binary tensor. Rejects with `InputError` in the server's words. */
async function infer(
  { url, headers }: Endpoint,
  { input, output }: SavedIndex,
  recipe: string,
  rows: Tensor<'float32'>,
): Promise<Answer> {
  const tensor = new Uint8Array(rows.data.buffer, rows.data.byteOffset, rows.data.byteLength);
  const head = Buffer.from(
    JSON.stringify({
      inputs: [
        {
          name: input,
          shape: rows.dims,
          datatype: 'FP32',
          parameters: { binary_data_size: tensor.length },
        },
      ],
      outputs: [{ name: output, parameters: { binary_data: true } }],
      parameters: { recipe },
    }),
  );
  const response = await fetch(url, {
    method: 'POST',
    body: Buffer.concat([head, tensor]),
    headers: { ...headers, 'inference-header-content-length': `${head.length}` },
  }).catch((cause: Error) => {
    const reason = (cause.cause as Error | undefined)?.message ?? cause.message;
    throw new InputError(`${url.origin}: the server cannot be reached (${reason}).`, { cause });
  });
  const body = Buffer.from(await response.arrayBuffer());
  if (!response.ok) {
    const hint = response.status === 401 ? ' --api-key-file names the file of a key.' : '';
    throw new InputError(`${url}: the server refuses: ${errorOf(body)}${hint}`);
  }
  return readAnswer(response, body, rows.dims[0]!);
}

function errorOf(body: Buffer): string {
  try {
    return String(JSON.parse(body.toString()).error);
  } catch {
    return body.toString('utf8', 0, 200);
  }
}

function readAnswer(response: Response, body: Buffer, count: number): Answer {
  const end = Number(response.headers.get('inference-header-content-length'));
  const { outputs, parameters } = JSON.parse(body.toString('utf8', 0, end));
  const values = new Float32Array(Uint8Array.from(body.subarray(end)).buffer);
  const isWhole = !String(parameters.batch_id).includes(',') && parameters.batch_size === count;
  return { answers: answersOf(float32(outputs[0].shape, values)), isWhole };
}

const count = (length: number, holds: (row: number) => boolean): number =>
  Array.from({ length }, (_, row) => row).filter(holds).length;

function compare(saved: SavedBatch, recipe: string, { answers, isWhole }: Answer): Replayed {
  const { labels, condition } = saved;
  const before = saved.answers[recipe]!;
  return {
    condition,
    recipe,
    rows: labels.length,
    savedCorrect: count(labels.length, (row) => before[row] === labels[row]),
    correct: count(labels.length, (row) => answers[row] === labels[row]),
    differ: count(labels.length, (row) => answers[row] !== before[row]),
    inOtherBatches: isWhole ? 0 : labels.length,
  };
}

/** The figures of both, added up. */
const plus = (a: Replayed, b: Replayed): Replayed => ({
  ...a,
  rows: a.rows + b.rows,
  savedCorrect: a.savedCorrect + b.savedCorrect,
  correct: a.correct + b.correct,
  differ: a.differ + b.differ,
  inOtherBatches: a.inOtherBatches + b.inOtherBatches,
});

/** Posts saved batches to a running server, each as it was, one after the other. */
export async function replay({ dir, url, model, apiKey }: ReplayOptions): Promise<Replayed[]> {
  const index = await readSavedIndex(dir);
  const endpoint = {
    url: new URL(`/v2/models/${encodeURIComponent(model ?? index.model)}/infer`, url),
    headers: apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` },
  };
  const totals = new Map<string, Replayed>();
  const progress = createProgress(index.batches.length, 'batches');
  try {
    for (const [done, saved] of index.batches.entries()) {
      const rows = await readBatch(join(dir, saved.file));
      for (const recipe of Object.keys(saved.answers)) {
        const found = compare(saved, recipe, await infer(endpoint, index, recipe, rows));
        const key = JSON.stringify([saved.condition, recipe]);
        const known = totals.get(key);
        totals.set(key, known === undefined ? found : plus(known, found));
      }
      progress.update(done + 1);
    }
  } finally {
    progress.stop();
  }
  return [...totals.values()];
}

import { join } from 'node:path';
import { answersOf } from '../evaluation/index.ts';
import { float32, type Tensor } from '../tensor.ts';
import { openNpy } from './npy.ts';
import { createProgress } from './progress.ts';
import { ask, findReplayedModel, type Question, type Server } from './replayed-model.ts';
import { readSavedIndex, type SavedBatch } from './saved-batches.ts';

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

/** What came of all batches. */
export interface Replay {
  readonly replayed: readonly Replayed[];
  /** What the server has otherwise than the batches were saved under, in sentences. */
  readonly differences: readonly string[];
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
  url: URL,
  headers: Server['headers'],
  { recipe, output }: Question,
  input: string,
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
  const response = await ask(url, {
    method: 'POST',
    body: Buffer.concat([head, tensor]),
    headers: { ...headers, 'inference-header-content-length': `${head.length}` },
  });
  return readAnswer(response, Buffer.from(await response.arrayBuffer()), rows.dims[0]!);
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
export async function replay({ dir, url, model, apiKey }: ReplayOptions): Promise<Replay> {
  const index = await readSavedIndex(dir);
  const headers: Server['headers'] = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
  const found = await findReplayedModel({ url, headers }, model ?? index.model, index);
  const totals = new Map<string, Replayed>();
  const progress = createProgress(index.batches.length, 'batches');
  try {
    for (const [done, saved] of index.batches.entries()) {
      const rows = await readBatch(join(dir, saved.file));
      for (const recipe of Object.keys(saved.answers)) {
        const answer = await infer(found.url, headers, found.questions[recipe]!, index.input, rows);
        const compared = compare(saved, recipe, answer);
        const key = JSON.stringify([saved.condition, recipe]);
        const known = totals.get(key);
        totals.set(key, known === undefined ? compared : plus(known, compared));
      }
      progress.update(done + 1);
    }
  } finally {
    progress.stop();
  }
  return { replayed: [...totals.values()], differences: found.differences };
}

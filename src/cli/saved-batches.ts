import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { Value } from 'typebox/value';
import { InputError } from '../errors.ts';
import { inModelUnits, type ServedEvent } from '../evaluation/index.ts';
import type { ServingVersion } from '../models/index.ts';
import { fileError } from './file-error.ts';
import { encodeNpy } from './npy.ts';
import { writeWhole } from './write-file.ts';

const Classes = Type.Array(Type.Integer());

const SavedBatchSchema = Type.Object({
  /** Name of a .npy file beside: the rows as the model takes them, in the order in which they were served. */
  file: Type.String({ pattern: '^[\\w.-]+\\.npy$' }),
  kind: Type.Enum(['natural', 'shift', 'attack']),
  condition: Type.String(),
  labels: Classes,
  /** What each recipe answered; -1 where there was no answer. */
  answers: Type.Record(Type.String(), Classes),
});

const IndexSchema = Type.Object({
  model: Type.String(),
  /** Of the model's file. */
  sha256: Type.String(),
  /** Every setting of the recipes, by their names. */
  recipes: Type.Record(Type.String(), Type.Record(Type.String(), Type.Unknown())),
  /** What the model calls its images and its logits. */
  input: Type.String(),
  output: Type.String(),
  batches: Type.Array(SavedBatchSchema),
});

/** What is in a folder of saved batches. */
export type SavedIndex = Static<typeof IndexSchema>;
export type SavedBatch = Static<typeof SavedBatchSchema>;

const INDEX = 'labels.json';

export interface BatchSaver {
  save(event: ServedEvent): Promise<void>;
  /** Writes what is needed to find one's way in the folder. */
  finish(): Promise<void>;
}

const fileName = (number: number, { kind, condition, recipe }: ServedEvent): string => {
  const of = kind === 'attack' ? `${condition}-${recipe}` : condition;
  return `${String(number).padStart(5, '0')}-${of.replaceAll(/[^A-Za-z0-9.]+/g, '-')}.npy`;
};

/**
 * Keeps every batch that is served under `recipes`, in files of `dir`. Batches that recipes share are written
 * once.
 */
export async function createBatchSaver(
  dir: string,
  { name, sha256, tensors, manifest }: ServingVersion,
  recipes: readonly string[],
): Promise<BatchSaver> {
  await mkdir(dir, { recursive: true }).catch((error: unknown) => {
    throw fileError(dir, 'written', error);
  });
  const batches: SavedBatch[] = [];
  const shared = new Map<string, SavedBatch>();
  return {
    async save(event) {
      const { kind, condition, batch, recipe, served } = event;
      const key = JSON.stringify([condition, batch]);
      const known = kind === 'attack' ? undefined : shared.get(key);
      if (known) {
        known.answers[recipe] = [...served.answers];
        return;
      }
      const file = fileName(batches.length, event);
      await writeWhole(join(dir, file), encodeNpy(inModelUnits(served.pixels, manifest.input)));
      const answers = { [recipe]: [...served.answers] };
      const saved = { file, kind, condition, labels: [...served.labels], answers };
      batches.push(saved);
      if (kind !== 'attack') shared.set(key, saved);
    },
    async finish() {
      const { input, output } = tensors;
      const settings = Object.fromEntries(recipes.map((recipe) => [recipe, { ...manifest.recipes[recipe] }]));
      const index: SavedIndex = { model: name, sha256, recipes: settings, input, output, batches };
      await writeWhole(join(dir, INDEX), Buffer.from(`${JSON.stringify(index)}\n`));
    },
  };
}

/** Rejects with `InputError` where the folder holds no saved batches. */
export async function readSavedIndex(dir: string): Promise<SavedIndex> {
  const path = join(dir, INDEX);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw fileError(path, 'read', error);
  });
  try {
    const index: unknown = JSON.parse(text);
    if (Value.Check(IndexSchema, index)) return index;
  } catch {
    // Said below.
  }
  throw new InputError(`${path}: this is no index of saved batches; dent evaluate --save writes one.`);
}

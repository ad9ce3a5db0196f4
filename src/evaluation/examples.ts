import { rows as rowsOf } from '../tensor.ts';
import type { ServedEvent } from './measure.ts';
import type { Picture } from './shifts/index.ts';

/** An image that a recipe knows as it is, and what made it wrong. */
export interface Example {
  readonly recipe: string;
  readonly kind: 'shift' | 'attack';
  readonly condition: string;
  readonly label: number;
  /** What it was taken for afterwards; -1 where there was no answer. */
  readonly answer: number;
  readonly before: Picture;
  readonly after: Picture;
}

export interface ExampleKeeper {
  see(event: ServedEvent): void;
  /** One for each recipe and condition at most, in the order in which they were met. */
  readonly examples: readonly Example[];
}

function pictureOf(images: ServedEvent['served']['pixels'], row: number): Picture {
  const [, channels, height, width] = images.dims as [number, number, number, number];
  // Copied out, so that no example keeps its batch.
  return { data: rowsOf(images, row, row + 1).data.slice(), channels, height, width };
}

/** Keeps an image that each condition broke under each recipe, out of the batches that pass by. */
export function createExampleKeeper(): ExampleKeeper {
  const kept = new Map<string, Example>();
  /** What each recipe answered to the batch at hand as it is. */
  const natural = new Map<string, Int32Array>();
  return {
    see({ kind, condition, recipe, served: { pixels, labels, rows, answers }, original }) {
      if (kind === 'natural') {
        natural.set(recipe, answers);
        return;
      }
      const key = JSON.stringify([recipe, condition]);
      if (kept.has(key)) return;
      const i = answers.findIndex(
        (answer, at) => answer !== labels[at] && natural.get(recipe)?.[rows[at]!] === labels[at],
      );
      if (i === -1) return;
      const [before, after] = [pictureOf(original.images, rows[i]!), pictureOf(pixels, i)];
      kept.set(key, { recipe, kind, condition, label: labels[i]!, answer: answers[i]!, before, after });
    },
    get examples() {
      return [...kept.values()];
    },
  };
}

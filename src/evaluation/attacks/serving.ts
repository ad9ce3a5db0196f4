import { float32, type Tensor } from '../../tensor.ts';
import { answersOf } from '../answers.ts';
import { rowViews } from '../ball.ts';
import type { Batch, Defence, Target } from '../target.ts';
import { type Attacked, type Outcome, type Scene, type ServedBatch, VERDICT } from './attack.ts';
import { marginsOf, type Tally } from './run.ts';

/**
 * A defence as a black box: what it answers, and nothing else. Rows that are independent may be asked alone.
 */
export function blackBox(defence: Defence, tally: Tally): Target {
  const target: Target = {
    classes: defence.classes,
    independentRows: defence.independentRows,
    async logits(pixels, signal) {
      tally.queries += pixels.dims[0]!;
      return (await defence.serve(pixels, signal)).logits;
    },
    only: () => target,
  };
  return target;
}

/** What became of each row of the batch in which `pixels` were served together. */
export function judge(served: ServedBatch): Int8Array {
  return Int8Array.from(served.answers, (answer, row) =>
    answer === served.labels[row] ? VERDICT.right : VERDICT.wrong,
  );
}

const everyRow = ({ labels }: Batch): number[] => Array.from(labels, (_, row) => row);

/** Serves a batch that was made from these rows of the fixed one, and keeps it with its answers. */
export async function serve(
  { batch, defence, signal }: Pick<Scene, 'batch' | 'defence' | 'signal'>,
  pixels: Tensor<'float32'>,
  rows: readonly number[] = everyRow(batch),
): Promise<{ readonly batch: ServedBatch; readonly margins: Float64Array }> {
  const { logits } = await defence.serve(pixels, signal);
  const labels = Int32Array.from(rows, (row) => batch.labels[row]!);
  return { batch: { pixels, labels, rows, answers: answersOf(logits) }, margins: marginsOf(logits, labels) };
}

const wrongRows = (margins: Float64Array): number =>
  margins.reduce((count, margin) => count + (margin > 0 ? 1 : 0), 0);

/**
 * The strongest batch that was served: where rows are independent, each row's own worst image; otherwise the
 * whole batch in which most rows were wrong, as their answers hold for that batch alone.
 */
export class StrongestServed {
  readonly #scene: Pick<Scene, 'batch' | 'defence' | 'signal'>;
  #best: Tensor<'float32'> | undefined;
  #margins: Float64Array = new Float64Array(0);

  constructor(scene: Pick<Scene, 'batch' | 'defence' | 'signal'>) {
    this.#scene = scene;
  }

  /**
   * Serves a candidate for the rows `rows`, which is all of them where they depend on one another, and keeps
   * what of it is stronger.
   */
  async offer(pixels: Tensor<'float32'>, rows: readonly number[] = this.#every): Promise<void> {
    const { defence } = this.#scene;
    const { margins } = await serve(this.#scene, pixels, rows);
    if (
      this.#best === undefined ||
      (!defence.independentRows && wrongRows(margins) > wrongRows(this.#margins))
    ) {
      this.#best = float32(pixels.dims, pixels.data.slice());
      this.#margins = margins;
      return;
    }
    if (!defence.independentRows) return;
    const best = rowViews(this.#best);
    for (const [i, point] of rowViews(pixels).entries()) {
      const row = rows[i]!;
      if (!(margins[i]! > this.#margins[row]!)) continue;
      this.#margins[row] = margins[i]!;
      best[row]!.set(point);
    }
  }

  get #every(): number[] {
    return everyRow(this.#scene.batch);
  }

  /**
   * The rows that are worth attacking on: those that every batch so far has left right. As long as there are
   * any, these are all rows where they depend on one another.
   */
  get rest(): number[] {
    const right = this.#every.filter((row) => !(this.#margins[row]! > 0));
    return this.#scene.defence.independentRows || right.length === 0 ? right : this.#every;
  }

  /** The strongest batch. Throws where nothing was offered. */
  get pixels(): Tensor<'float32'> {
    if (this.#best === undefined) throw new Error('No batch was served. This is a bug.');
    return this.#best;
  }

  /** Serves the strongest batch as it is, which is what the attack is judged by. */
  async outcome(variant?: string): Promise<Outcome> {
    const { batch } = await serve(this.#scene, this.pixels);
    return { ...(variant !== undefined && { variant }), verdicts: judge(batch), served: [batch] };
  }
}

/** Serves one batch, once: the attack that ends at it. */
export async function servedOnce(scene: Scene, pixels: Tensor<'float32'>): Promise<Outcome> {
  const { batch } = await serve(scene, pixels);
  return { verdicts: judge(batch), served: [batch] };
}

/**
 * One outcome under several names, where what tells them apart changes nothing: an attack has the same
 * figures under every recipe, so that a report can set them side by side.
 */
export const inVariants = (outcome: Outcome, variants: readonly string[]): Outcome[] =>
  variants.map((variant) => ({ ...outcome, variant }));

/** Outcomes and what they took. */
export const attacked = (outcomes: readonly Outcome[], work: Tally): Attacked => ({
  outcomes,
  work: { gradients: work.gradients, zeroGradients: work.zeroGradients, queries: work.queries },
});

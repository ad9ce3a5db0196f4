import { float32, type Tensor } from '../../tensor.ts';
import { createRandom } from '../random.ts';
import { putRows, takeRows } from '../row-parts.ts';
import type { Batch, OpenTarget, Target } from '../target.ts';
import type { Ball, Stage } from './attack.ts';
import { marginsOf, onRows, type Run, rankedClasses, Strongest } from './run.ts';

export interface CampaignOptions<T extends Target> {
  readonly batch: Batch;
  readonly target: T;
  readonly ball: Ball;
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((share: number) => void) | undefined;
}

/** Which rows a run is for: all of the batch, or those that no run before has fooled. */
export type Rows = 'all' | 'rest';

/**
 * Several runs against one target on one fixed batch, of which the strongest points stay. Rows that are
 * independent are left once they are fooled; where they are not, every run attacks the whole batch jointly,
 * and what stays is judged as a batch.
 */
export class Campaign<T extends Target = OpenTarget> {
  readonly #options: CampaignOptions<T>;
  /** Of the batch as it is, [N, K]. */
  readonly clean: Tensor<'float32'>;
  found: Strongest;
  /** How many rows were right after each run, by the run's name, in order. */
  readonly stages: Stage[] = [];
  /** How much of the work is done, and each run's share in it. */
  #done = 0;

  private constructor(options: CampaignOptions<T>, clean: Tensor<'float32'>) {
    this.#options = options;
    this.clean = clean;
    const { images, labels } = options.batch;
    this.found = new Strongest(images);
    this.found.offer(images, marginsOf(clean, labels));
  }

  /** Begins with what the target answers for the images as they are. */
  static async open<T extends Target>(options: CampaignOptions<T>): Promise<Campaign<T>> {
    return new Campaign(options, await options.target.logits(options.batch.images, options.signal));
  }

  get rest(): number[] {
    return Array.from(this.found.margins, (_, row) => row).filter((row) => !this.found.fools(row));
  }

  /** The `k`-th most probable wrong class of each row as it is, from 0. */
  wrongClass(k: number): Int32Array {
    const { labels } = this.#options.batch;
    return labels.map((label, row) => rankedClasses(this.clean, row).filter((each) => each !== label)[k]!);
  }

  /**
   * Runs `attack` on some rows. `share` is its part of the campaign's work; `rows` of the batch go with it.
   */
  async run(
    name: string,
    share: number,
    of: Rows,
    attack: (run: Run<T>, rows: readonly number[]) => Promise<Strongest>,
  ): Promise<void> {
    const { batch, target, ball, seed, signal, onProgress } = this.#options;
    const every = Array.from(batch.labels, (_, row) => row);
    const rest = of === 'all' ? every : this.rest;
    const rows = target.independentRows ? rest : every;
    if (rest.length > 0) {
      const whole = {
        batch,
        target,
        ball,
        random: createRandom(seed, name),
        signal,
        onProgress: (of: number) => onProgress?.(this.#done + share * of),
      };
      const result = await attack(onRows(whole, rows), rows);
      if (target.independentRows) this.found.offer(result.pixels, result.margins, rows);
      else await this.#judge(result);
    }
    this.#done += share;
    onProgress?.(this.#done);
    this.stages.push({ name, right: this.rest.length });
  }

  /**
   * Rows that depend on one another are judged in the batch that they make: the one kept is that in which
   * most are wrong.
   */
  async #judge({ pixels, margins }: Strongest): Promise<void> {
    const { batch, target, signal } = this.#options;
    const mixed = float32(pixels.dims, this.found.pixels.data.slice());
    const stronger = Array.from(margins, (_, row) => row).filter(
      (row) => margins[row]! > this.found.margins[row]!,
    );
    putRows(mixed, stronger, takeRows(pixels, stronger));
    for (const candidate of [pixels, mixed]) {
      const judged = new Strongest(candidate);
      judged.offer(candidate, marginsOf(await target.logits(candidate, signal), batch.labels));
      if (strength(judged) > strength(this.found)) this.found = judged;
    }
  }
}

/** Counts the rows that are wrong; among as many, nearness to it decides. */
function strength({ margins }: Strongest): number {
  let wrong = 0;
  let nearness = 0;
  for (const margin of margins) {
    if (margin > 0) wrong += 1;
    else nearness += 1 / (1 - margin);
  }
  return wrong + nearness / (margins.length + 1);
}

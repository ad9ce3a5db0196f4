import { float32 } from '../../tensor.ts';
import { rowViews } from '../ball.ts';
import type { Ascent, OpenTarget } from '../target.ts';

/**
 * How several networks are attacked at once: by the sum of their losses, or each row by the network that
 * resists it most.
 */
export type Joining = 'avg' | 'min';

const JOININGS: Readonly<Record<Joining, (ascents: readonly Ascent[]) => Ascent>> = {
  avg: mean,
  min: leastOfEach,
};

function mean(ascents: readonly Ascent[]): Ascent {
  const [first, ...others] = ascents as [Ascent, ...Ascent[]];
  const logits = first.logits.data.slice();
  const losses = first.losses.slice();
  const gradient = first.gradient.data.slice();
  for (const each of others) {
    for (let i = 0; i < logits.length; i++) logits[i]! += each.logits.data[i]!;
    for (let i = 0; i < losses.length; i++) losses[i]! += each.losses[i]!;
    for (let i = 0; i < gradient.length; i++) gradient[i]! += each.gradient.data[i]!;
  }
  for (let i = 0; i < logits.length; i++) logits[i]! /= ascents.length;
  return {
    logits: float32(first.logits.dims, logits),
    losses,
    gradient: float32(first.gradient.dims, gradient),
  };
}

function leastOfEach(ascents: readonly Ascent[]): Ascent {
  const [first] = ascents as [Ascent];
  const all = ascents.map(({ logits, gradient }) => ({
    logits: rowViews(logits),
    gradient: rowViews(gradient),
  }));
  const result = {
    logits: float32(first.logits.dims, first.logits.data.slice()),
    losses: first.losses.slice(),
    gradient: float32(first.gradient.dims, first.gradient.data.slice()),
  };
  const out = { logits: rowViews(result.logits), gradient: rowViews(result.gradient) };
  for (let row = 0; row < result.losses.length; row++) {
    let least = 0;
    for (let i = 1; i < ascents.length; i++)
      if (ascents[i]!.losses[row]! < ascents[least]!.losses[row]!) least = i;
    result.losses[row] = ascents[least]!.losses[row]!;
    out.logits[row]!.set(all[least]!.logits[row]!);
    out.gradient[row]!.set(all[least]!.gradient[row]!);
  }
  return result;
}

/** Several networks as one target. */
export function composite(targets: readonly OpenTarget[], joining: Joining): OpenTarget {
  const [first] = targets as [OpenTarget];
  if (targets.length === 1) return first;
  return {
    classes: first.classes,
    independentRows: targets.every((target) => target.independentRows),
    async logits(pixels, signal) {
      const all = await Promise.all(targets.map((target) => target.logits(pixels, signal)));
      const data = new Float32Array(all[0]!.data.length);
      for (const each of all) for (let i = 0; i < data.length; i++) data[i]! += each.data[i]! / all.length;
      return float32(all[0]!.dims, data);
    },
    async lossAndGradient(...asked) {
      const ascents: Ascent[] = [];
      // One after the other: each has the whole engine, and what they hold in memory is one network's.
      for (const target of targets) ascents.push(await target.lossAndGradient(...asked));
      return JOININGS[joining](ascents);
    },
    only: (rows) =>
      composite(
        targets.map((target) => target.only(rows)),
        joining,
      ),
  };
}

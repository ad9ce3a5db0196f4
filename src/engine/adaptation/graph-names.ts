import { InputError } from '../../errors.ts';
import type { Join, OpenGraph } from '../engine.ts';
import type { Artifact } from './adaptation.ts';

/** The names of a self-adapting graph beside the model's own. */
const ADAPTING_INPUTS = ['steps'];
const ADAPTING_OUTPUTS: Readonly<Record<string, Join>> = { static_logits: 'rows', entropy: 'columns' };
/** And the names of the graph of one pass. */
const PASS_INPUTS = ['carried', 'gradient', 'updates', 'batch_rows', 'adapt'];
const PASS_OUTPUTS: Readonly<Record<string, Join>> = {
  entropy: 'rows',
  next_carried: 'same',
  next_gradient: 'sum',
};

/** What a graph that chooses statistics tells of the batch. */
const OF_THE_BATCH = ['blended', 'divergence'];
/** What graphs tell of each row after each step, where they do. */
const TOP = 'top';

/** One sigma per row: joined. One sigma for all rows ([1]): the same in each part. */
const sigmaJoin = ([size]: readonly (number | string)[]): Join => (size === 1 ? 'same' : 'rows');

/**
 * The outputs of an artifact's graph, and how the outputs of parts become those of the batch. Throws
 * `InputError` where the graph is not of the artifact's kind.
 */
export function outputsOf(
  { name, input, output, carried, validRows }: Artifact,
  graph: Pick<OpenGraph, 'inputs' | 'outputs'>,
): Record<string, Join> {
  const isPass = carried !== undefined;
  const outputs = { [output]: 'rows' as const, ...(isPass ? PASS_OUTPUTS : ADAPTING_OUTPUTS) };
  const missing =
    [input, ...(isPass ? PASS_INPUTS : ADAPTING_INPUTS), ...(validRows === undefined ? [] : [validRows])]
      .filter((each) => !graph.inputs.includes(each))
      .map((each) => `input "${each}"`)[0] ??
    Object.keys(outputs)
      .filter((each) => !(each in graph.outputs))
      .map((each) => `output "${each}"`)[0];
  if (missing !== undefined)
    throw new InputError(`"${name}" is no self-adapting graph: it has no ${missing}.`);
  const { sigma } = graph.outputs;
  const top = TOP in graph.outputs && { [TOP]: isPass ? ('rows' as const) : ('columns' as const) };
  const ofBatch = OF_THE_BATCH.filter((each) => each in graph.outputs).map((each) => [each, 'same'] as const);
  return { ...outputs, ...top, ...(sigma && { sigma: sigmaJoin(sigma) }), ...Object.fromEntries(ofBatch) };
}

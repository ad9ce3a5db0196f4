import { rowEntropy } from '../dent/index.ts';
import { DATA_TYPE, type Dim, type GraphBuilder, type Value } from '../onnx/index.ts';
import type { LossName } from './target.ts';

/** What a loss is written of: logits [N, K] in float64, and classes [N] in int64. */
export interface LossInputs {
  readonly logits: Value;
  readonly labels: Value;
  /** Present for targeted losses. */
  readonly targets?: Value;
}

/** Writes the loss of each row, [N] float64; the attacker wants it large. */
type Loss = (builder: GraphBuilder, inputs: LossInputs) => Value;

interface LossEntry {
  readonly isTargeted: boolean;
  /** The fewest classes that it is defined for, and what stands in where there are fewer. */
  readonly classesMin: number;
  readonly standIn?: LossName;
  readonly write: Loss;
}

/** Keeps a quotient finite where all logits are alike, as AutoAttack does. */
const TINY = 1e-12;

const rowsOf = (logits: Value): Dim => logits.type!.shape![0]!;

/** The entries of [N, K] in the columns [N]; gradients flow back to where they were read. */
function pick(builder: GraphBuilder, values: Value, columns: Value): Value {
  const n = rowsOf(values);
  const column = builder.op('Unsqueeze', [columns, builder.ints([1])], { shape: [n, 1] });
  column.type = { dataType: DATA_TYPE.int64, shape: [n, 1] };
  const picked = builder.op('GatherElements', [values, column], { attributes: { axis: 1 }, shape: [n, 1] });
  return builder.op('Squeeze', [picked, builder.ints([1])], { shape: [n] });
}

/** The class of the `k`-th largest logit for k = 1 ... `count`, [N] each. */
function ranking(builder: GraphBuilder, logits: Value, count: number): Value[] {
  const [, indices] = builder.multi('TopK', [logits, builder.ints([count])], 2, {
    attributes: { axis: 1, largest: 1, sorted: 1 },
  });
  const n = rowsOf(logits);
  // A whole number has no gradient: what is picked by it has.
  indices!.type = { dataType: DATA_TYPE.int64, shape: [n, count] };
  return Array.from({ length: count }, (_, k) => {
    const value = builder.op('Gather', [indices!, builder.int(k)], { attributes: { axis: 1 }, shape: [n] });
    value.type = { dataType: DATA_TYPE.int64, shape: [n] };
    return value;
  });
}

function subtract(builder: GraphBuilder, a: Value, b: Value): Value {
  return builder.op('Sub', [a, b], { shape: [rowsOf(a)] });
}

function logProbability(builder: GraphBuilder, logits: Value, of: Value): Value {
  const shape = logits.type!.shape!;
  return pick(builder, builder.op('LogSoftmax', [logits], { attributes: { axis: 1 }, shape }), of);
}

/** The largest logit of a wrong class minus that of the right one: above 0 where the row is wrong. */
const margin: Loss = (builder, { logits, labels }) => {
  const [first, second] = ranking(builder, logits, 2) as [Value, Value];
  const isRight = builder.op('Equal', [first, labels]);
  const rival = builder.op('Where', [isRight, second, first]);
  rival.type = { dataType: DATA_TYPE.int64, shape: [rowsOf(logits)] };
  return subtract(builder, pick(builder, logits, rival), pick(builder, logits, labels));
};

const targetedMargin: Loss = (builder, { logits, labels, targets }) =>
  subtract(builder, pick(builder, logits, targets!), pick(builder, logits, labels));

function ratio(builder: GraphBuilder, above: Value, below: Value): Value {
  const shape = [rowsOf(above)];
  return builder.op('Div', [above, builder.op('Add', [below, TINY], { shape })], { shape });
}

/**
 * The margin in units of what lies between the first and the third logit: it does not vanish where the
 * network is sure.
 */
const dlr: Loss = (builder, inputs) => {
  const [first, , third] = ranking(builder, inputs.logits, 3) as [Value, Value, Value];
  const at = (column: Value) => pick(builder, inputs.logits, column);
  return ratio(builder, margin(builder, inputs), subtract(builder, at(first), at(third)));
};

const targetedDlr: Loss = (builder, inputs) => {
  const [first, , third, fourth] = ranking(builder, inputs.logits, 4) as [Value, Value, Value, Value];
  const at = (column: Value) => pick(builder, inputs.logits, column);
  const shape = [rowsOf(inputs.logits)];
  const half = builder.op('Mul', [builder.op('Add', [at(third), at(fourth)], { shape }), 0.5], { shape });
  return ratio(builder, targetedMargin(builder, inputs), subtract(builder, at(first), half));
};

/**
 * Cross-entropy, the margin, and the difference of logits ratio of Croce and Hein 2020; each also towards one
 * class.
 */
export const LOSSES: Readonly<Record<LossName, LossEntry>> = {
  ce: {
    isTargeted: false,
    classesMin: 2,
    write: (builder, { logits, labels }) => {
      const logP = logProbability(builder, logits, labels);
      return builder.op('Neg', [logP], { shape: [rowsOf(logits)] });
    },
  },
  margin: { isTargeted: false, classesMin: 2, write: margin },
  dlr: { isTargeted: false, classesMin: 3, standIn: 'margin', write: dlr },
  /** What recipes lower. */
  entropy: { isTargeted: false, classesMin: 2, write: (builder, { logits }) => rowEntropy(builder, logits) },
  'targeted-ce': {
    isTargeted: true,
    classesMin: 2,
    write: (builder, { logits, targets }) => logProbability(builder, logits, targets!),
  },
  'targeted-margin': { isTargeted: true, classesMin: 2, write: targetedMargin },
  'targeted-dlr': { isTargeted: true, classesMin: 4, standIn: 'targeted-margin', write: targetedDlr },
};

/** The loss that is used where `name` is asked for: another one where there are too few classes for it. */
export function usableLoss(name: LossName, classes: number): LossName {
  const { classesMin, standIn } = LOSSES[name];
  return classes < classesMin && standIn !== undefined ? standIn : name;
}

/** The losses that are defined for so many classes, in the order of the table. */
export const usableLosses = (classes: number): LossName[] =>
  (Object.keys(LOSSES) as LossName[]).filter((name) => usableLoss(name, classes) === name);

/** What is used in place of what, in sentences for the report; none where there are classes enough. */
export const lossStandIns = (classes: number): string[] =>
  (Object.keys(LOSSES) as LossName[])
    .filter((name) => usableLoss(name, classes) !== name)
    .map(
      (name) =>
        `The loss ${name} wants ${LOSSES[name].classesMin} classes and the model has ${classes}: ${usableLoss(name, classes)} stands in for it.`,
    );

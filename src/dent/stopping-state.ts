import { DATA_TYPE, float32Constant, type GraphBuilder, type Value, type ValueType } from '../onnx/index.ts';
import { BATCH } from './batch-axis.ts';
import type { Adaptation, Components } from './components.ts';
import { OPTIMIZERS } from './optimizer.ts';
import { boundedSigma } from './smoothing.ts';
import { leastEntropies } from './updates-made.ts';

export type Named = Readonly<Record<string, Value>>;

/** Whether each row has a sigma of its own. One that is not adapted is the same for all. */
const hasRowSigma = ({ forward }: Components): boolean =>
  forward.graph.outputs[1]?.type?.shape?.[0] === BATCH;

function sigmaOf(builder: GraphBuilder, { recipe }: Components, after: Named): Pick<Adaptation, 'sigma'> {
  if (recipe.sigma === 'off') return {};
  const fixed = () => builder.constant(float32Constant([1], [boundedSigma(recipe.sigma as number)]), 'sigma');
  return { sigma: after.sigma ?? fixed() };
}

export interface Carried {
  readonly name: string;
  readonly start: Value;
  readonly type: ValueType;
}

export const named = (carried: readonly Pick<Carried, 'name'>[], values: readonly Value[]): Named =>
  Object.fromEntries(carried.map(({ name }, i) => [name, values[i]!]));

/** Parameters and optimizer state: the state of each row that goes. */
export const stateNames = ({ recipe }: Components): string[] => [
  'parameters',
  ...Array.from({ length: OPTIMIZERS[recipe.optimizer].stateTensors }, (_, i) => `state_${i}`),
];

export const isFirst = (builder: GraphBuilder, trip: Value): Value =>
  builder.op('Equal', [trip, builder.int(0)]);

/** How many trips a loop makes: one more than updates. Negative `steps` still predict. */
export const tripsOf = (builder: GraphBuilder, steps: Value): Value =>
  builder.op('Max', [builder.op('Add', [steps, builder.int(1)]), builder.int(1)]);

/** The number of rows, [1]. */
export const sizeOf = (builder: GraphBuilder, image: Value): Value =>
  builder.op('Gather', [builder.op('Shape', [image]), builder.ints([0])]);

/** Zeros of so many rows, [1], and these other sizes. */
export function zerosOf(builder: GraphBuilder, rows: Value, sizes: readonly number[]): Value {
  const shape = [rows, ...(sizes.length > 0 ? [builder.ints(sizes)] : [])];
  return builder.op('ConstantOfShape', [builder.op('Concat', shape, { attributes: { axis: 0 } })]);
}

/** The results so far of all rows, before the first trip; `size` is their number, [1]. */
export function resultsOf(builder: GraphBuilder, components: Components, size: Value): Carried[] {
  const { forward, classes, exposesParameters } = components;
  const ofAll = (name: string, ...sizes: number[]): Carried => ({
    name,
    start: zerosOf(builder, size, sizes),
    type: { dataType: DATA_TYPE.float32, shape: [BATCH, ...sizes] },
  });
  return [
    ofAll('first_logits', classes),
    ofAll('logits', classes),
    ofAll('entropy'),
    ofAll('top', 2),
    ...(hasRowSigma(components) ? [ofAll('sigma')] : []),
    ...(exposesParameters ? [ofAll('used_parameters', forward.parameterCount)] : []),
  ];
}

/** What a loop that carries `carried`, and gathers entropies and top classes, has come to. */
export function adaptationOf(
  builder: GraphBuilder,
  components: Components,
  steps: Value,
  carried: readonly Carried[],
  results: readonly Value[],
): Adaptation {
  const after = named(carried, results.slice(0, carried.length));
  return {
    logits: after.logits!,
    firstLogits: after.first_logits!,
    entropy: wholeTrace(builder, results.at(-2)!, after.entropy!, steps),
    top: wholeTrace(builder, results.at(-1)!, after.top!, steps),
    parameters: after.used_parameters ?? after.parameters!,
    ...sigmaOf(builder, components, after),
  };
}

/** The least entropy, in nats, with which a row goes on in this trip, a float32 scalar. */
export function leastEntropyOfTrip(
  body: GraphBuilder,
  { recipe, classes }: Pick<Components, 'recipe' | 'classes'>,
  trip: Value,
): Value {
  const [first, later] = leastEntropies(recipe, classes);
  return body.op('Where', [isFirst(body, trip), body.float(first), body.float(later)]);
}

/**
 * What rows have had after every step, [steps + 1, N, ...]. Where all have stopped early, the last repeats.
 */
function wholeTrace(builder: GraphBuilder, trace: Value, last: Value, steps: Value): Value {
  const lines = builder.op('Gather', [builder.op('Shape', [trace]), builder.ints([0])]);
  const updates = builder.op('Max', [builder.op('Unsqueeze', [steps, builder.ints([0])]), builder.ints([0])]);
  const missing = builder.op('Sub', [builder.op('Add', [updates, builder.ints([1])]), lines]);
  const shape = builder.op('Concat', [missing, builder.op('Shape', [last])], { attributes: { axis: 0 } });
  const rest = builder.op('Expand', [builder.op('Unsqueeze', [last, builder.ints([0])]), shape]);
  return builder.op('Concat', [trace, rest], { attributes: { axis: 0 } });
}

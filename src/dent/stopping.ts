import {
  appendIf,
  appendLoop,
  DATA_TYPE,
  type Dim,
  type GraphBuilder,
  type Value,
  type ValueType,
} from '../onnx/index.ts';
import { rowCount } from './affine.ts';
import type { Adaptation, Components } from './components.ts';
import { evenPartsOf, type GoingPart, partsOf } from './going-parts.ts';
import type { Valid } from './padding.ts';
import { gradientOf, type Lost, predictWithLoss } from './row-passes.ts';
import { overSomeRows } from './some-rows.ts';
import {
  adaptationOf,
  type Carried,
  isFirst,
  leastEntropyOfTrip,
  type Named,
  named,
  resultsOf,
  sizeOf,
  stateNames,
  tripsOf,
  zerosOf,
} from './stopping-state.ts';
import { updateOfTrip } from './update.ts';

const float = (shape: readonly Dim[]): ValueType => ({ dataType: DATA_TYPE.float32, shape });

/** The size of an axis over the rows that still go; their number differs from trip to trip. */
const GOING = 'going';

/** The images, and which of them count: absent where all do. The others have stopped before they begin. */
interface Batch {
  readonly image: Value;
  readonly valid?: Valid | undefined;
}

/**
 * Adapts rows that are independent and stop on their own (`gate`, `floor`). Each pass takes the rows that
 * still go, in parts: it predicts them, and computes the gradient of those that go on. A row that stops
 * leaves. So the remaining rows always fill their parts, and none waits for another. In a padded graph all
 * parts have one size, for hardware where another size is dear.
 */
export function adaptUntilSure(
  builder: GraphBuilder,
  components: Components,
  { image, valid }: Batch,
  steps: Value,
): Adaptation {
  const start = startOf(builder, components, { image, valid });
  const trips = tripsOf(builder, steps);
  const results = appendLoop(builder, { name: 'step', trips, carried: start }, (body, trip, values) => {
    const before = named(start, values);
    const pass = passOverParts(body, components, image, { trip, steps }, before);
    return afterPass(body, components, trip, before, pass);
  });
  return adaptationOf(builder, components, steps, start, results);
}

/** How many rows `value` has, an int64 scalar. */
const countOf = (builder: GraphBuilder, value: Value): Value =>
  builder.op('Gather', [builder.op('Shape', [value]), builder.int(0)]);

/**
 * The state that the loop carries: numbers, parameters and optimizer state of the rows that go, and the
 * results so far of all rows.
 */
function startOf(builder: GraphBuilder, components: Components, { image, valid }: Batch): Carried[] {
  const width = components.forward.parameterCount;
  const size = sizeOf(builder, image);
  const going = valid ? builder.op('Unsqueeze', [valid.size, builder.ints([0])]) : size;
  const ofGoing = (name: string): Carried => ({
    name,
    start: zerosOf(builder, going, [width]),
    type: { dataType: DATA_TYPE.float32, shape: [GOING, width] },
  });
  const count = valid?.size ?? builder.op('Squeeze', [size, builder.ints([0])]);
  const rows = builder.op('Range', [builder.int(0), count, builder.int(1)]);
  return [
    { name: 'rows', start: rows, type: { dataType: DATA_TYPE.int64, shape: [GOING] } },
    ...stateNames(components).map(ofGoing),
    ...resultsOf(builder, components, size),
  ];
}

interface When {
  /** The number of the trip, an int64 scalar. */
  readonly trip: Value;
  readonly steps: Value;
}

/** One pass over the rows that go, part by part. */
function passOverParts(
  body: GraphBuilder,
  components: Components,
  image: Value,
  when: When,
  before: Named,
): Named {
  const { classes, forward, partRows, isPadded } = components;
  const width = forward.parameterCount;
  const gather = (name: string, ...sizes: number[]): Carried => ({
    name,
    start: body.op('ConstantOfShape', [body.ints([0, ...sizes])]),
    type: float(['rows_so_far', ...sizes]),
  });
  const noRows = body.op('Cast', [body.op('ConstantOfShape', [body.ints([0])])], {
    attributes: { to: DATA_TYPE.int64 },
  });
  const predicted = [
    gather('logits', classes),
    gather('entropy'),
    gather('top', 2),
    ...(before.sigma ? [gather('sigma')] : []),
  ];
  const carried: Carried[] = [
    ...predicted,
    { name: 'rows', start: noRows, type: { dataType: DATA_TYPE.int64, shape: ['rows_so_far'] } },
    ...stateNames(components).map((name) => gather(name, width)),
  ];
  const n = countOf(body, before.rows!);
  const parts = isPadded ? evenPartsOf(body, n, partRows, countOf(body, image)) : partsOf(body, n, partRows);
  const results = appendLoop(body, { name: 'part', trips: parts.trips, carried }, (part, index, values) => {
    const at = parts.at(part, index);
    const found = passOverPart(part, components, image, when, before, at);
    const join = (i: number, value: Value) =>
      part.op('Concat', [values[i]!, value], { attributes: { axis: 0 } });
    return { carried: found.map((value, i) => join(i, value)) };
  });
  return named(
    carried,
    results.map((value, i) => (i < predicted.length ? parts.joined(value) : value)),
  );
}

/**
 * Predicts some rows and updates those that go on. Returns the logits, entropies, top classes and sigma of
 * all, then the numbers, parameters and optimizer state of those that go on.
 */
function passOverPart(
  part: GraphBuilder,
  components: Components,
  image: Value,
  { trip, steps }: When,
  before: Named,
  { take, counts }: GoingPart,
): Value[] {
  const { classifier, forward } = components;
  const state = stateNames(components).map((name) => take(before[name]!, forward.parameterCount));
  const rows = take(before.rows!);
  const pixels = part.op('Gather', [image, rows], { shape: classifier.input.type!.shape! });
  const [parameters] = state as [Value, ...Value[]];
  const count = rowCount(part, pixels);
  const { prediction, lost } = predictWithLoss(part, components, parameters, { image: pixels, count });
  const least = leastEntropyOfTrip(part, components, trip);
  const isUnsure = part.op('GreaterOrEqual', [prediction.entropy, least]);
  const goesOn = part.op('And', [isUnsure, part.op('Less', [trip, steps])]);
  const goes = counts ? part.op('And', [goesOn, counts]) : goesOn;
  const going = part.op('Reshape', [part.op('NonZero', [goes]), part.ints([-1])]);
  const chosen = (value: Value) => {
    const some = part.op('Gather', [value, going]);
    return Object.assign(some, { type: value.type });
  };
  const [old, ...moments] = state.map(chosen) as [Value, ...Value[]];
  const gradient = gradientOfSome(part, components, lost, { parameters, pixels }, { going, before: old });
  const next = updateOfTrip(part, components, trip, old, gradient, moments);
  const sigma = before.sigma ? [prediction.sigma!] : [];
  const found = [prediction.logits, prediction.entropy, prediction.top, ...sigma];
  return [...found, part.op('Gather', [rows, going]), next.parameters, ...next.state];
}

/** The gradient of the rows of a part that go on: all of them at once, some, or none. */
function gradientOfSome(
  part: GraphBuilder,
  components: Components,
  lost: Lost,
  { parameters, pixels }: { readonly parameters: Value; readonly pixels: Value },
  { going, before }: { readonly going: Value; readonly before: Value },
): Value {
  const gradient = (branch: GraphBuilder) => gradientOf(part, components, lost, parameters, branch);
  const count = countOf(part, going);
  const all = part.op('Equal', [count, countOf(part, parameters)]);
  const some = part.op('Greater', [count, part.int(0)]);
  return appendIf(part, { name: 'adapt', condition: some, otherwise: before }, (branch) => {
    // All parts have one size in a padded graph, and so have their gradients.
    if (components.isPadded) return branch.op('Gather', [gradient(branch), going]);
    const ofSome = (inner: GraphBuilder): Value =>
      overSomeRows(inner, part, [pixels, parameters], going, gradient) ??
      inner.op('Gather', [gradient(inner), going]);
    return appendIf(branch, { name: 'all', condition: all, otherwise: ofSome }, gradient);
  });
}

/** Writes the results of a pass to their rows. Another pass follows where rows go on. */
function afterPass(
  body: GraphBuilder,
  components: Components,
  trip: Value,
  before: Named,
  pass: Named,
): { carried: Value[]; gathered: Value[]; goOn: Value } {
  const column = body.op('Unsqueeze', [before.rows!, body.ints([1])]);
  const into = (all: Value, some: Value) => body.op('ScatterND', [all, column, some]);
  const logits = into(before.logits!, pass.logits!);
  const entropy = into(before.entropy!, pass.entropy!);
  const top = into(before.top!, pass.top!);
  const carried = [
    pass.rows!,
    ...stateNames(components).map((name) => pass[name]!),
    body.op('Where', [isFirst(body, trip), logits, before.first_logits!]),
    logits,
    entropy,
    top,
    ...(before.sigma ? [into(before.sigma, pass.sigma!)] : []),
    ...(before.used_parameters ? [into(before.used_parameters, before.parameters!)] : []),
  ];
  const left = countOf(body, pass.rows!);
  return { carried, gathered: [entropy, top], goOn: body.op('Greater', [left, body.int(0)]) };
}

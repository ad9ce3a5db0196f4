import { appendIf, appendLoop, DATA_TYPE, type Dim, type GraphBuilder, type Value } from '../onnx/index.ts';
import { BATCH } from './batch-axis.ts';
import type { Adaptation, Components } from './components.ts';
import type { Valid } from './padding.ts';
import { gradientOf, predictWithLoss, type Rows } from './row-passes.ts';
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
} from './stopping-state.ts';
import { updateOfTrip } from './update.ts';

/**
 * Adapts rows that are independent and stop on their own, all of them in every pass, until none goes on. A
 * row that has stopped keeps its results; its parameters may go on, as nothing reads them. For a GPU and a
 * small network: there, moving rows takes more time than it saves (docs/decisions/0008).
 */
export function adaptInPlace(
  builder: GraphBuilder,
  components: Components,
  rows: Rows & { readonly valid: Valid },
  steps: Value,
  start: Value,
): Adaptation {
  const carried = startOf(builder, components, rows, start);
  const trips = tripsOf(builder, steps);
  const results = appendLoop(builder, { name: 'step', trips, carried }, (body, trip, values) =>
    passInPlace(body, components, rows, { trip, steps }, carried, named(carried, values)),
  );
  return adaptationOf(builder, components, steps, carried, results);
}

/** Which rows go, the results so far of all rows, their parameters and the optimizer's state. */
function startOf(
  builder: GraphBuilder,
  components: Components,
  { image, valid }: { readonly image: Value; readonly valid: Valid },
  start: Value,
): Carried[] {
  const type = components.forward.graph.inputs[1]!.type!;
  return [
    { name: 'goes', start: valid.counts, type: { dataType: DATA_TYPE.bool, shape: [BATCH] } },
    ...resultsOf(builder, components, sizeOf(builder, image)),
    ...stateNames(components).map((name) => ({ name, start, type })),
  ];
}

function passInPlace(
  body: GraphBuilder,
  components: Components,
  rows: Rows,
  { trip, steps }: { readonly trip: Value; readonly steps: Value },
  carried: readonly Carried[],
  before: Named,
): { carried: Value[]; gathered: Value[]; goOn: Value } {
  const goes = before.goes!;
  const [parameters, ...moments] = stateNames(components).map((name) => before[name]!) as [Value, ...Value[]];
  const { prediction, lost } = predictWithLoss(body, components, parameters, rows);
  const column = body.op('Unsqueeze', [goes, body.ints([1])]);
  /** What a row that goes has now, and what another had. */
  const kept = (now: Value, name: string): Value => {
    const shape: readonly Dim[] = before[name]!.type!.shape!;
    return body.op('Where', [shape.length > 1 ? column : goes, now, before[name]!], { shape });
  };
  const unsure = body.op('GreaterOrEqual', [prediction.entropy, leastEntropyOfTrip(body, components, trip)]);
  const another = body.op('And', [goes, body.op('Less', [trip, steps])]);
  const goesOn = body.op('And', [another, unsure]);
  const some = anyOf(body, goesOn);
  const gradient = appendIf(body, { name: 'adapt', condition: some, otherwise: parameters }, (branch) =>
    gradientOf(body, components, lost, parameters, branch),
  );
  const next = updateOfTrip(body, components, trip, parameters, gradient, moments);
  const [logits, entropy, top] = [
    kept(prediction.logits, 'logits'),
    kept(prediction.entropy, 'entropy'),
    kept(prediction.top, 'top'),
  ];
  const after: Named = {
    goes: goesOn,
    first_logits: body.op('Where', [isFirst(body, trip), logits, before.first_logits!]),
    logits,
    entropy,
    top,
    ...(before.sigma && { sigma: kept(prediction.sigma!, 'sigma') }),
    ...(before.used_parameters && { used_parameters: kept(parameters, 'used_parameters') }),
    ...named(
      stateNames(components).map((name) => ({ name })),
      [next.parameters, ...next.state],
    ),
  };
  return { carried: carried.map(({ name }) => after[name]!), gathered: [entropy, top], goOn: some };
}

/** Whether any of a vector of bools holds: a bool scalar. */
function anyOf(body: GraphBuilder, flags: Value): Value {
  const numbers = body.op('Cast', [flags], { attributes: { to: DATA_TYPE.float32 } });
  const sum = body.op('ReduceSum', [numbers], { attributes: { keepdims: 0 }, shape: [] });
  return body.op('Greater', [sum, 0]);
}

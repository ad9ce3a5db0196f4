import { GraphBuilder } from './builder.ts';
import { DATA_TYPE } from './data-type.ts';
import type { Value, ValueType } from './graph.ts';

/** What one trip of a loop leaves behind. */
export interface Trip {
  /** The carried values for the next trip, as many as came in. */
  readonly carried: readonly Value[];
  /** Values gathered over all trips along a new first axis. */
  readonly gathered?: readonly Value[];
  /** A bool scalar: whether another trip follows, if `trips` allows it. Absent: always. */
  readonly goOn?: Value;
}

export interface LoopOptions {
  readonly name: string;
  /** How many trips, an int64 scalar. */
  readonly trips: Value;
  /** What the first trip gets, and the types that the trips exchange. */
  readonly carried: readonly { readonly name: string; readonly start: Value; readonly type: ValueType }[];
}

/**
 * Appends a Loop of a fixed number of trips, or fewer where a trip says that it was the last. `write` fills
 * the body: it gets the body's builder, the trip's number (int64 scalar, from 0) and the carried values.
 * Returns the carried values after the last trip, then the gathered values.
 */
export function appendLoop(
  builder: GraphBuilder,
  options: LoopOptions,
  write: (body: GraphBuilder, trip: Value, carried: readonly Value[]) => Trip,
): Value[] {
  const { name, trips } = options;
  const body = new GraphBuilder(`${name}/`);
  const trip: Value = { name: `${name}/trip`, type: { dataType: DATA_TYPE.int64, shape: [] } };
  const condition: Value = { name: `${name}/go_on`, type: { dataType: DATA_TYPE.bool, shape: [] } };
  const inputs = options.carried.map((value): Value => ({ name: `${name}/${value.name}`, type: value.type }));
  const { carried, gathered = [], goOn = condition } = write(body, trip, inputs);
  const another = body.op('Identity', [goOn]);
  const graph = body.build(name, [trip, condition, ...inputs], [another, ...carried, ...gathered]);
  const starts = options.carried.map((value) => value.start);
  const results = builder.multi(
    'Loop',
    [trips, builder.bool(true), ...starts],
    carried.length + gathered.length,
    {
      name,
      attributes: { body: { graph } },
    },
  );
  // A loop around this one must know the shapes of the gathered values, in case it makes no trip.
  options.carried.forEach(({ type }, i) => {
    results[i]!.type = type;
  });
  return results;
}

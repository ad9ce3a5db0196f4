import {
  DATA_TYPE,
  type Dim,
  float32Constant,
  type Graph,
  GraphBuilder,
  type Value,
  withoutUnused,
} from '../onnx/index.ts';
import { BATCH } from './batch-axis.ts';
import type { Components } from './components.ts';
import {
  ENTROPY_OUTPUT,
  imageName,
  logitsName,
  PASS_INPUTS,
  PASS_OUTPUTS,
  TOP_OUTPUT,
} from './graph-names.ts';
import { OPTIMIZERS, updateParameters } from './optimizer.ts';
import { predictWithGradient } from './row-passes.ts';

const tensor = (name: string, dataType: number, shape: readonly Dim[]): Value => ({
  name,
  type: { dataType, shape },
});

/** The shape of the state that one pass hands to the next. */
export const carriedShape = ({ forward, recipe }: Components): readonly [number, number] => [
  1 + OPTIMIZERS[recipe.optimizer].stateTensors,
  forward.parameterCount,
];

/**
 * One pass through any of the rows of a batch that share their parameters. It makes the update with the last
 * pass's gradient, predicts, and computes the rows' share of the next gradient. A runner goes over all rows
 * and adds up the shares, `steps` + 1 times. That does the same as the self-adapting graph, and parts of the
 * rows may run side by side.
 */
export function assemblePass(components: Components): Graph {
  const { classifier, classes } = components;
  const [tensors, parameters] = carriedShape(components);
  const builder = new GraphBuilder();
  const image = { ...classifier.input, name: imageName(classifier) };
  const carried = tensor(PASS_INPUTS.carried, DATA_TYPE.float32, [tensors, parameters]);
  const gradient = tensor(PASS_INPUTS.gradient, DATA_TYPE.float32, [1, parameters]);
  const updates = tensor(PASS_INPUTS.updates, DATA_TYPE.int64, []);
  const count = tensor(PASS_INPUTS.rows, DATA_TYPE.float32, []);
  const adapt = tensor(PASS_INPUTS.adapt, DATA_TYPE.bool, []);
  const current = updated(builder, components, { carried, gradient, updates });
  const pass = predictWithGradient(builder, components, current[0]!, { image, count }, adapt);
  const output = (value: Value, name: string, shape: readonly Dim[]) =>
    builder.op('Identity', [value], { name, shape });
  const outputs = [
    output(pass.logits, logitsName(classifier), [BATCH, classes]),
    output(pass.entropy, ENTROPY_OUTPUT, [BATCH]),
    output(pass.top, TOP_OUTPUT, [BATCH, 2]),
    builder.op('Concat', current, {
      name: PASS_OUTPUTS.carried,
      attributes: { axis: 0 },
      shape: [tensors, parameters],
    }),
    output(pass.gradient, PASS_OUTPUTS.gradient, [1, parameters]),
  ];
  const inputs = [image, carried, gradient, updates, count, adapt];
  return withoutUnused(builder.build('pass', inputs, outputs));
}

/**
 * The parameters after the update, then the optimizer's state, [1, parameters] each. Before the first
 * gradient they stay as they are.
 */
function updated(
  builder: GraphBuilder,
  { forward, recipe }: Components,
  { carried, gradient, updates }: Readonly<Record<'carried' | 'gradient' | 'updates', Value>>,
): Value[] {
  const [tensors, width] = carried.type!.shape as [number, number];
  const sizes = builder.ints(new Array<number>(tensors).fill(1));
  const before = builder.multi('Split', [carried, sizes], tensors, { attributes: { axis: 0 } });
  const [parameters, ...state] = before as [Value, ...Value[]];
  const t = builder.op('Cast', [updates], { attributes: { to: DATA_TYPE.float64 } });
  const rate = builder.constant(float32Constant([1, width], forward.learningRates), 'learning_rates');
  const after = updateParameters(builder, recipe, t, parameters, gradient, state, rate);
  const isFirst = builder.op('Equal', [updates, builder.int(0)]);
  return [after.parameters, ...after.state].map((value, i) =>
    builder.op('Where', [isFirst, before[i]!, value], { shape: [1, width] }),
  );
}

import { DATA_TYPE, type GraphBuilder, type Operand, type Value } from '../onnx/index.ts';

const EPSILON = 1e-8;

export interface Betas {
  /** Momentum of sgd; decay of the first moment of adam and adamod. */
  readonly beta1: number;
  /** Decay of the second moment. */
  readonly beta2: number;
  /** Decay of adamod's average of step sizes. */
  readonly beta3: number;
}

export interface OptimizerSettings extends Betas {
  readonly optimizer: keyof typeof OPTIMIZERS;
}

export interface Update {
  readonly parameters: Value;
  readonly state: readonly Value[];
}

/**
 * One optimizer step on the flat parameters. `t` counts steps from 1 (float64 scalar). `rate` is the learning
 * rate of each parameter, [1, P], or of all.
 */
export function updateParameters(
  builder: GraphBuilder,
  settings: OptimizerSettings,
  t: Value,
  parameters: Value,
  gradient: Value,
  state: readonly Value[],
  rate: Operand,
): Update {
  const { update } = OPTIMIZERS[settings.optimizer];
  return update(new Arithmetic(builder), settings, t, parameters, gradient, state, rate);
}

type UpdateRule = (
  a: Arithmetic,
  betas: Betas,
  t: Value,
  parameters: Value,
  gradient: Value,
  state: readonly Value[],
  rate: Operand,
) => Update;

/** v <- momentum * v + g; p <- p - lr * v (PyTorch's SGD without dampening). */
const sgd: UpdateRule = (a, { beta1 }, _t, parameters, gradient, state, rate) => {
  const velocity = a.add(a.mul(state[0]!, beta1), gradient);
  return { parameters: a.sub(parameters, a.mul(velocity, rate)), state: [velocity] };
};

/** Kingma and Ba 2015, in PyTorch's form: eps is added after the second moment's bias is corrected. */
const adam: UpdateRule = (a, betas, t, parameters, gradient, state, rate) => {
  const [m, v] = moments(a, betas, gradient, state);
  const denominator = a.add(a.div(a.sqrt(v), a.toFloat(a.biasRoot(betas.beta2, t))), EPSILON);
  const step = a.mul(a.div(m, denominator), rate);
  return { parameters: a.sub(parameters, a.div(step, a.toFloat(a.bias(betas.beta1, t)))), state: [m, v] };
};

/**
 * AdaMod 0.0.3 (Ding et al. 2019): eps is added to the uncorrected root, both corrections are in the scalar
 * step, and the average of step sizes starts at zero without a correction.
 */
const adamod: UpdateRule = (a, betas, t, parameters, gradient, state, rate) => {
  const [m, v] = moments(a, betas, gradient, state);
  const correction = a.toFloat(a.div(a.biasRoot(betas.beta2, t), a.bias(betas.beta1, t)));
  const size = a.div(a.mul(correction, rate), a.add(a.sqrt(v), EPSILON));
  const average = a.add(a.mul(state[2]!, betas.beta3), a.mul(size, 1 - betas.beta3));
  return { parameters: a.sub(parameters, a.mul(a.min(size, average), m)), state: [m, v, average] };
};

interface Optimizer {
  /** How many tensors of the parameters' shape it carries from step to step, all zero at the start. */
  readonly stateTensors: number;
  readonly update: UpdateRule;
}

export const OPTIMIZERS = {
  sgd: { stateTensors: 1, update: sgd },
  adam: { stateTensors: 2, update: adam },
  adamod: { stateTensors: 3, update: adamod },
} as const satisfies Record<string, Optimizer>;

/** Exponential averages of the gradient and of its square. */
function moments(
  a: Arithmetic,
  { beta1, beta2 }: Betas,
  gradient: Value,
  state: readonly Value[],
): [Value, Value] {
  const m = a.add(a.mul(state[0]!, beta1), a.mul(gradient, 1 - beta1));
  const v = a.add(a.mul(state[1]!, beta2), a.mul(a.mul(gradient, gradient), 1 - beta2));
  return [m, v];
}

/** Writes formulas into a graph as they stand on paper. */
class Arithmetic {
  readonly #builder: GraphBuilder;

  constructor(builder: GraphBuilder) {
    this.#builder = builder;
  }

  add = (x: Operand, y: Operand): Value => this.#builder.op('Add', [x, y]);
  sub = (x: Operand, y: Operand): Value => this.#builder.op('Sub', [x, y]);
  mul = (x: Operand, y: Operand): Value => this.#builder.op('Mul', [x, y]);
  div = (x: Operand, y: Operand): Value => this.#builder.op('Div', [x, y]);
  min = (x: Operand, y: Operand): Value => this.#builder.op('Min', [x, y]);
  sqrt = (x: Operand): Value => this.#builder.op('Sqrt', [x]);
  toFloat = (x: Value): Value => this.#builder.op('Cast', [x], { attributes: { to: DATA_TYPE.float32 } });

  /** 1 - beta^t in float64: in float32 the difference would lose four of its digits at t = 1. */
  bias = (beta: number, t: Value): Value => {
    const power = this.#builder.op('Pow', [this.#builder.double(beta), t]);
    return this.#builder.op('Sub', [this.#builder.double(1), power]);
  };

  biasRoot = (beta: number, t: Value): Value => this.sqrt(this.bias(beta, t));
}

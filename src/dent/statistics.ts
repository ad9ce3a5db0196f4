import type { GraphBuilder, Value } from '../onnx/index.ts';

/**
 * The batch's share in the mean and variance of BatchNormalization: none, all, or a float32 scalar of the
 * graph.
 */
export type BatchShare = 'none' | 'all' | Value;

/** Where BatchNormalization takes its mean and variance from. */
export interface StatisticsMode {
  /** Whether a row's answer depends on its batch-mates. */
  readonly couplesRows: boolean;
  /** The fewest rows whose statistics mean something. */
  readonly rowsMin: number;
  /** Whether the graph chooses for each batch between the source's and these. */
  readonly isChosen?: true;
  /**
   * Writes the batch's share; the training run has the rest. `rows` makes the number of rows, a float32
   * scalar.
   */
  readonly batchShare: (builder: GraphBuilder, rows: () => Value, prior: number) => BatchShare;
}

/**
 * Of n rows the share is n / (n + prior) (Schneider et al. 2020, equation 1). The prior gives the source more
 * weight in a small batch, so every number of rows is enough.
 */
const BLEND: StatisticsMode = {
  couplesRows: true,
  rowsMin: 1,
  batchShare(builder, rows, prior) {
    const n = rows();
    const whole = builder.op('Add', [n, prior], { shape: [] });
    return builder.op('Div', [n, whole], { name: 'batch_weight', shape: [] });
  },
};

export const STATISTICS = {
  /** Those of the training run. */
  source: { couplesRows: false, rowsMin: 1, batchShare: () => 'none' },
  /** Those of the rows at hand. */
  batch: { couplesRows: true, rowsMin: 16, batchShare: () => 'all' },
  /** Both. */
  blend: BLEND,
  /** Source or blend, whichever suits this batch. See choose-statistics.ts. */
  auto: { ...BLEND, isChosen: true },
} as const satisfies Record<string, StatisticsMode>;

/** How much an attacker may try. */
export interface Budget {
  /** Steps of an untargeted run (APGD-CE, and the runs of GMSA). */
  readonly iterations: number;
  /** Steps of a targeted run (APGD-T, FAB-T), for each target. */
  readonly targetedIterations: number;
  /** How many of the most probable wrong classes are tried. */
  readonly targets: number;
  /** Untargeted runs from different random starts. */
  readonly restarts: number;
  /** Predictions asked for by Square, for each row. */
  readonly queries: number;
  /** Rounds of FPA and GMSA: craft, serve, hold the adapted parameters. */
  readonly rounds: number;
}

/**
 * The named budgets. `default` is chosen for minutes on two cores: more finds little more on the networks it
 * was tried on, which the curve of accuracy against budget shows or refutes for another. `autoattack` has
 * AutoAttack's own numbers, and GMSA's rounds.
 */
export const BUDGETS = {
  default: { iterations: 30, targetedIterations: 20, targets: 3, restarts: 1, queries: 300, rounds: 3 },
  autoattack: { iterations: 100, targetedIterations: 100, targets: 9, restarts: 1, queries: 5000, rounds: 3 },
} as const satisfies Record<string, Budget>;

export type BudgetName = keyof typeof BUDGETS;

const SPENT: Readonly<Record<keyof Budget, string>> = {
  iterations: 'steps of a run',
  targetedIterations: 'of a targeted one',
  targets: 'wrong classes tried',
  restarts: 'runs',
  queries: 'queries of Square',
  rounds: 'rounds of GMSA',
};

/** A budget as reports state it. */
export const budgetText = (budget: Budget): string =>
  `Budget: ${Object.entries(SPENT)
    .map(([name, words]) => `${words} ${budget[name as keyof Budget]}`)
    .join(', ')}.`;

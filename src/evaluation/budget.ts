/** How much an attacker may try. */
export interface Budget {
  /** Steps of an untargeted run (APGD-CE). */
  readonly iterations: number;
  /** Steps of a targeted run (APGD-T, FAB-T), for each target. */
  readonly targetedIterations: number;
  /** How many of the most probable wrong classes are tried. */
  readonly targets: number;
  /** Runs from another random start, for rows that were not fooled. */
  readonly restarts: number;
  /** Predictions asked for by Square, for each row. */
  readonly queries: number;
  /** Rounds of FPA and GMSA: craft, serve, hold the adapted parameters. */
  readonly rounds: number;
}

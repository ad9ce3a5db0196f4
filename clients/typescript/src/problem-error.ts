import type { components } from './schema.ts';

export type Problem = components['schemas']['Problem'];

/**
 * An error answer. `problem.code` says which; its `detail` is a sentence for a person and this error's
 * message.
 */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly problem: Problem;
  /** After how many seconds a retry makes sense; undefined where the service did not say. */
  readonly retryAfterSeconds: number | undefined;

  constructor(problem: Problem, response: Response) {
    super(problem.detail);
    this.problem = problem;
    const seconds = Number.parseInt(response.headers.get('retry-after') ?? '', 10);
    this.retryAfterSeconds = Number.isNaN(seconds) ? undefined : seconds;
  }
}

/** Tells an image that failed from a prediction. */
export const isProblem = (value: unknown): value is Problem =>
  typeof value === 'object' && value !== null && 'code' in value && 'detail' in value;

/** A proxy between client and service may answer too, in its own words. */
export function toError(error: unknown, response: Response): Error {
  if (isProblem(error)) return new ProblemError(error, response);
  return new Error(`The answer is ${response.status} and not one of dent-serve; ask what stands before it.`, {
    cause: error,
  });
}

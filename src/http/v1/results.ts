import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ServiceError } from '../../errors.ts';
import type { Prediction } from '../../inference/inference.ts';
import { ERROR_STATUS } from '../server/error-status.ts';
import { failureOf } from '../server/errors.ts';
import { noteResults } from '../server/observation.ts';
import { toProblem } from '../server/problem.ts';
import { visibleTo } from '../server/visibility.ts';

/**
 * Answers with the result of each image of a request. Where every image was refused for the same reason, and
 * that reason lies in the service, the whole request is refused, so that clients and load balancers see that
 * they should wait.
 */
export function sendResults(
  request: FastifyRequest,
  reply: FastifyReply,
  outcomes: readonly (Prediction | Error)[],
): FastifyReply {
  const results = outcomes.map((outcome) =>
    outcome instanceof Error ? failureOf(outcome, request) : outcome,
  );
  const failures = results.filter((result) => result instanceof Error);
  const common = commonFailure(results.length, failures);
  if (common) throw common;
  noteResults(request, results);
  const written = results.map((each) => (each instanceof Error ? toProblem(each) : visibleTo(request, each)));
  const body = { results: written };
  // Written here: Fastify would try the schemas of both kinds of result on each.
  return reply.type('application/json; charset=utf-8').send(JSON.stringify(body));
}

function commonFailure(images: number, failures: readonly ServiceError[]): ServiceError | undefined {
  const [first] = failures;
  if (first === undefined || failures.length < images) return undefined;
  if (failures.some(({ code }) => code !== first.code)) return undefined;
  const isOfImages = ERROR_STATUS[first.code] < 429;
  return isOfImages ? undefined : first;
}

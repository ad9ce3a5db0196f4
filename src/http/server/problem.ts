import Type from 'typebox';
import type { ErrorCode, ServiceError } from '../../errors.ts';
import { ERROR_STATUS, ERROR_TITLE } from './error-status.ts';

export const PROBLEM_TYPE = 'application/problem+json';

/** For errors that give no time of their own. */
const RETRY_AFTER_SECONDS = 1;

/** An error in the form of RFC 9457. */
export const ProblemSchema = Type.Object(
  {
    type: Type.String({ description: 'A URN that names the kind of problem; it cannot be fetched.' }),
    title: Type.String({ description: 'The kind of problem in a few words.' }),
    status: Type.Integer({ minimum: 400, maximum: 599, description: 'The HTTP status again.' }),
    detail: Type.String({ description: 'What went wrong this time, one sentence for a person to read.' }),
    code: Type.Enum(Object.keys(ERROR_STATUS) as ErrorCode[], {
      title: 'ErrorCode',
      type: 'string',
      description: 'The kind of problem for a program to read.',
    }),
  },
  { $id: 'Problem', additionalProperties: false },
);
export type Problem = Type.Static<typeof ProblemSchema>;

export const createProblem = (code: ErrorCode, detail: string): Problem => ({
  type: `urn:dent-serve:error:${code}`,
  title: ERROR_TITLE[code],
  status: ERROR_STATUS[code],
  detail,
  code,
});

/** The problem as the caller may see it. An internal error shows no details. */
export const toProblem = ({ code, message }: ServiceError): Problem =>
  createProblem(
    code,
    code === 'internal' ? 'Something went wrong inside the service; its log has the request id.' : message,
  );

/** The `Retry-After` of statuses that have one, in whole seconds. */
export function retryAfter({
  code,
  retryAfterSeconds = RETRY_AFTER_SECONDS,
}: ServiceError): number | undefined {
  const status = ERROR_STATUS[code];
  return status === 429 || status === 503 ? Math.max(1, Math.ceil(retryAfterSeconds)) : undefined;
}

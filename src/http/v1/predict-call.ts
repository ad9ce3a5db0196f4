import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Static } from 'typebox';
import { ServiceError } from '../../errors.ts';
import type { ChoiceListener, PredictEachRequest, PredictRequest } from '../../inference/inference.ts';
import { grant } from '../server/caller.ts';
import { hangUp } from '../server/hang-up.ts';
import { noteChoice } from '../server/observation.ts';
import { readBody } from './body.ts';
import { prefersAsync } from './prefer.ts';
import {
  IDEMPOTENCY_KEY,
  OPTION_NAMES,
  PREFER,
  PRIORITY,
  type PredictHeaders,
  type PredictOptions,
} from './schemas/predict.ts';

/** A predict request as it was understood: one image, or a list of them. */
export type PredictCall =
  | { readonly one: PredictRequest; readonly isAsync: boolean }
  | { readonly several: PredictEachRequest };

/** The requested model. What is not named has a default. */
export type Which = Pick<PredictRequest, 'model' | 'version'>;

/** Reads the request. The images are in the result alone, and the use case takes them from it. */
export async function readCall(
  request: FastifyRequest,
  reply: FastifyReply,
  query: PredictOptions,
  which: Which,
): Promise<PredictCall> {
  // Validation has turned the priority into a number.
  const headers = request.headers as Static<typeof PredictHeaders>;
  const { images, isList, options } = await readBody(request);
  // The request lives until its answer, but its body need not.
  request.body = undefined;
  // The decoder counts images that wait to be decoded. Of a list these are a few at a time, and the rest is
  // held here.
  if (!isList) request.upload?.leave();
  const { recipe, top_k: topK, trace, timeout_ms: timeoutMs } = merged(query, options);
  const asked = {
    ...which,
    ...(recipe !== undefined && { recipe }),
    ...(topK !== undefined && { topK }),
    ...(trace !== undefined && { trace }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...grant(request, headers[PRIORITY] as PredictRequest['priority']),
    signal: hangUp(request.raw, reply.raw),
    listener: {
      chosen: (choice: Parameters<ChoiceListener['chosen']>[0]) => noteChoice(request, choice),
      replayed: () => void reply.header('idempotent-replayed', 'true'),
    },
  };
  const { [IDEMPOTENCY_KEY]: idempotencyKey, [PREFER]: prefer } = headers;
  const isAsync = prefersAsync(prefer);
  if (isList) {
    refuseOfLists(idempotencyKey, isAsync);
    return { several: { ...asked, images } };
  }
  const key = idempotencyKey !== undefined && { idempotencyKey };
  return { one: { ...asked, image: images[0]!, ...key }, isAsync };
}

/**
 * The options from both places. Throws `invalid_request` where they differ, because neither is the obvious
 * one.
 */
function merged(query: PredictOptions, body: PredictOptions): PredictOptions {
  for (const name of OPTION_NAMES as readonly (keyof PredictOptions)[]) {
    const [inQuery, inBody] = [query[name], body[name]];
    if (inQuery === undefined || inBody === undefined || inQuery === inBody) continue;
    throw new ServiceError(
      'invalid_request',
      `The parameter "${name}" is ${inQuery} in the query and ${inBody} in the body; say it once.`,
    );
  }
  return { ...query, ...body };
}

/** Refuses options that name or keep a single prediction. Throws `invalid_request`. */
function refuseOfLists(idempotencyKey: string | undefined, isAsync: boolean): void {
  if (idempotencyKey === undefined && !isAsync) return;
  const header = isAsync ? '"Prefer: respond-async"' : '"Idempotency-Key"';
  throw new ServiceError(
    'invalid_request',
    `The header ${header} is for a request of one image; leave it out, or send each image in a request of its own.`,
  );
}

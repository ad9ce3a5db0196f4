import type { ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type ErrorCode, ServiceError } from '../../errors.ts';
import type { ChoiceListener, Prediction, RowsPrediction } from '../../inference/inference.ts';
import { type RequestSpan, startRequestSpan } from '../../spans.ts';
import type { App } from './app-instance.ts';
import { ERROR_STATUS } from './error-status.ts';
import { onRequestEnd } from './request-end.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** For routes that machines poll: their requests are logged at debug level. */
    polled?: boolean;
    /** For routes that answer predictions: they are counted from the start, at 0. */
    predicts?: boolean;
  }

  interface FastifyRequest {
    /** The facts about the answered prediction for the request's line in the log. */
    prediction: PredictionNote | null;
    /** Null where the request has not several images. */
    results: ResultsNote | null;
    /** Null for routes that machines poll. */
    span: RequestSpan | null;
  }
}

/** The names by which to find a prediction in other lines and systems. */
export interface PredictionNote {
  /** Absent where the caller has named it: strangers' text stays out of the log. */
  readonly prediction?: string;
  /** name:version */
  readonly model: string;
  readonly recipe: string;
  /** Absent where no batch has answered it. */
  readonly batch?: string;
  /** Of the batch. */
  readonly rows?: number;
}

/** The results of a request with several images. */
export interface ResultsNote {
  readonly images: number;
  /** The errors of its images. */
  readonly errors: readonly ErrorCode[];
}

const nameOf = ({ name, version }: Prediction['model']): string => `${name}:${version}`;

/** Adds the request's choice to its line in the log, whether it succeeds or fails. */
export function noteChoice(
  request: FastifyRequest,
  { id, model, recipe }: Parameters<ChoiceListener['chosen']>[0],
): void {
  request.prediction = { ...(id !== undefined && { prediction: id }), model: nameOf(model), recipe };
}

/** Adds the prediction to the request's line in the log. */
export function notePrediction(request: FastifyRequest, { id, model, adaptation, batch }: Prediction): void {
  request.prediction = {
    prediction: id,
    model: nameOf(model),
    recipe: adaptation.recipe,
    batch: batch.id,
    rows: batch.size,
  };
}

/** The same for rows: names the first of their batches. */
export function noteRows(request: FastifyRequest, { model, recipe, batches }: RowsPrediction): void {
  const [{ id, size }] = batches as [RowsPrediction['batches'][number]];
  request.prediction = { ...request.prediction, model: nameOf(model), recipe, batch: id, rows: size };
}

/** The same for several images. The first stands for the others, whose batch is mostly the same. */
export function noteResults(request: FastifyRequest, results: readonly (Prediction | ServiceError)[]): void {
  const errors = results.flatMap((each) => (each instanceof ServiceError ? each.code : []));
  request.results = { images: results.length, errors };
  const first = results.find((each) => !(each instanceof ServiceError));
  if (first === undefined) return;
  notePrediction(request, first as Prediction);
}

/**
 * The events that this room reports to be counted. One finish follows each start, even where the client hung
 * up.
 */
export interface HttpObserver {
  /** A route exists that answers predictions. */
  predictionRoute(route: { readonly route: string; readonly method: string }): void;
  requestStarted(): void;
  requestFinished(request: {
    /** The route's template, never the raw path. `unmatched` where there is no route. */
    readonly route: string;
    /** One of Fastify's methods, or `other`. */
    readonly method: string;
    /** The status; 499 where the client left before it. */
    readonly code: number;
    readonly seconds: number;
    /** The request's error; `cancelled` where the client hung up. Absent where it did not fail. */
    readonly error?: ErrorCode;
    /** The errors of its images, where it had several and did not fail itself. */
    readonly imageErrors?: readonly ErrorCode[];
  }): void;
}

/** Observes the routes and requests of an app. Call it before the app has any route. */
export function observeApp(app: App, observer: HttpObserver): void {
  app.decorateRequest('prediction', null);
  app.decorateRequest('results', null);
  app.decorateRequest('span', null);
  app.addHook('onRoute', ({ url, method, config }) => {
    if (!config?.predicts) return;
    for (const each of [method].flat()) observer.predictionRoute({ route: url, method: each });
  });
  app.addHook('onRequest', async (request, reply) => observe(observer, request, reply));
  // The last hook before the handler: reading the body would lose the context.
  app.addHook('preHandler', (request, _reply, done) => {
    if (request.span) request.span.enter(done);
    else done();
  });
}

/** Observes a request until its connection or its answer ends: one line in the log, one observation. */
export function observe(observer: HttpObserver, request: FastifyRequest, reply: FastifyReply): void {
  reply.header('x-request-id', request.id);
  observer.requestStarted();
  const { polled } = request.routeOptions.config;
  if (!polled) request.span = startRequestSpan(request.method, request.id, request.headers);
  onRequestEnd(request.raw, reply.raw, () => finish(observer, request, reply));
}

/**
 * Whether some of the answer went out. An answer that waits behind another on its connection has no socket.
 */
const isSent = ({ headersSent, writableFinished, socket }: ServerResponse): boolean =>
  headersSent && (writableFinished || socket !== null);

function finish(observer: HttpObserver, request: FastifyRequest, reply: FastifyReply): void {
  const { config, url: route = 'unmatched' } = request.routeOptions;
  const method = request.server.supportedMethods.includes(request.method) ? request.method : 'other';
  const answered = isSent(reply.raw);
  const code = answered ? reply.raw.statusCode : ERROR_STATUS.cancelled;
  const ms = reply.elapsedTime;
  const failure = answered ? request.failure : 'cancelled';
  const traceId = request.span?.traceId;
  const outcome = { route, method, ...(failure !== null && { error: failure }) };
  const { results } = request;
  const imageErrors = results && { imageErrors: results.errors };
  observer.requestFinished({ ...outcome, code, seconds: ms / 1000, ...imageErrors });
  request.span?.end({ ...outcome, status: code });
  const level = config.polled ? 'debug' : 'info';
  request.log[level](
    {
      ...outcome,
      ...(request.caller && { caller: request.caller.name }),
      ...request.prediction,
      ...(results && { images: results.images, failed: results.errors.length }),
      ...(traceId && { traceId }),
      status: code,
      ms: Math.round(ms * 10) / 10,
    },
    'request',
  );
}

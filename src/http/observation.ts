import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ErrorCode } from '../errors.ts';
import { ERROR_STATUS } from './error-status.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** For routes that machines poll: their requests are logged at debug level. */
    polled?: boolean;
  }
}

/** What this room tells whoever counts. Each start is followed by one finish, also where the client hung up. */
export interface HttpObserver {
  requestStarted(): void;
  requestFinished(request: {
    /** The route's template, never the raw path; `unmatched` where there is no route. */
    readonly route: string;
    /** One of Fastify's methods, or `other`. */
    readonly method: string;
    /** The status, 499 where the client did not stay for it. */
    readonly code: number;
    readonly seconds: number;
    /** What it failed with, `cancelled` where the client hung up; absent where it did not fail. */
    readonly error?: ErrorCode;
  }): void;
}

/** Observes a request from now until its connection or its answer ends: one line in the log, one observation. */
export function observe(observer: HttpObserver, request: FastifyRequest, reply: FastifyReply): void {
  reply.header('x-request-id', request.id);
  observer.requestStarted();
  // Fastify's onResponse does not come where the client hung up.
  reply.raw.once('close', () => finish(observer, request, reply));
}

function finish(observer: HttpObserver, request: FastifyRequest, reply: FastifyReply): void {
  const { config, url: route = 'unmatched' } = request.routeOptions;
  const method = request.server.supportedMethods.includes(request.method) ? request.method : 'other';
  const answered = reply.raw.headersSent;
  const code = answered ? reply.raw.statusCode : ERROR_STATUS.cancelled;
  const ms = reply.elapsedTime;
  const failure = answered ? request.failure : 'cancelled';
  const outcome = { route, method, ...(failure !== null && { error: failure }) };
  observer.requestFinished({ ...outcome, code, seconds: ms / 1000 });
  const level = config.polled ? 'debug' : 'info';
  request.log[level]({ ...outcome, status: code, ms: Math.round(ms * 10) / 10 }, 'request');
}

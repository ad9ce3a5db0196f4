import type { IncomingHttpHeaders } from 'node:http';
import {
  type Attributes,
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';

/**
 * The spans of a request and of a batch, in the words of OpenTelemetry. Without an exporter
 * (`app/tracing.ts`) all of this does nothing. A batch belongs to the trace of its first traced row. The
 * other rows' traces link to it, and it links to them.
 */
const tracer = () => trace.getTracer('dent-serve');

/**
 * Whether spans below `at` are recorded. Parts are traced where the whole is, so only a request starts a
 * trace.
 */
const isTraced = (at: Context): boolean => trace.getSpan(at)?.isRecording() ?? false;

function fail(span: Span, error: unknown): void {
  const { code, name } = error as { code?: unknown; name?: unknown };
  const type = typeof code === 'string' ? code : typeof name === 'string' ? name : 'unknown';
  span.setAttribute('error.type', type).setStatus({ code: SpanStatusCode.ERROR });
}

/** Does `work` within `span`, which it ends. */
async function during<T>(span: Span, at: Context, work: () => Promise<T>): Promise<T> {
  try {
    return await context.with(trace.setSpan(at, span), work);
  } catch (error) {
    fail(span, error);
    throw error;
  } finally {
    span.end();
  }
}

/** Does `work` as a named part of the current span. */
export function inSpan<T>(name: string, attributes: Attributes, work: () => Promise<T>): Promise<T> {
  const at = context.active();
  if (!isTraced(at)) return work();
  return during(tracer().startSpan(name, { attributes }, at), at, work);
}

/** `work` as a part of the current span, no matter where it is called later. */
export const asPartOfThis = <A extends unknown[], T>(work: (...args: A) => T): ((...args: A) => T) =>
  context.bind(context.active(), work);

/** The span of an HTTP request. */
export interface RequestSpan {
  /** Absent where the request is not traced. */
  readonly traceId?: string;
  /** Does `work` as a part of the request. */
  enter(work: () => void): void;
  end(outcome: { readonly route: string; readonly status: number; readonly error?: string }): void;
}

/** Begins the span of a request, within the trace of its `traceparent` if it has one. */
export function startRequestSpan(method: string, id: string, headers: IncomingHttpHeaders): RequestSpan {
  const caller = propagation.extract(ROOT_CONTEXT, headers);
  const attributes = { 'http.request.method': method, 'dent.request.id': id };
  const span = tracer().startSpan(method, { kind: SpanKind.SERVER, attributes }, caller);
  const at = trace.setSpan(caller, span);
  return {
    ...(span.isRecording() && { traceId: span.spanContext().traceId }),
    enter: (work) => context.with(at, work),
    end({ route, status, error }) {
      span.updateName(`${method} ${route}`);
      span.setAttributes({ 'http.route': route, 'http.response.status_code': status });
      if (error !== undefined) span.setAttribute('error.type', error);
      if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    },
  };
}

/** The part of a delivery that a span shows. */
interface Delivered {
  readonly batch: { readonly id: string; readonly size: number };
  readonly queueMs: number;
}

/**
 * Puts a row into the queue. `send` gets the `traceparent` that travels with the row. The span ends when the
 * row's batch starts, which the delivery tells afterwards. Without a delivery it ends when the row is
 * accepted.
 */
export async function inQueueSpan<D extends Delivered | undefined>(
  send: (traceparent: string | undefined) => Promise<D>,
): Promise<D> {
  const at = context.active();
  if (!isTraced(at)) return send(undefined);
  const startTime = performance.now();
  const span = tracer().startSpan('queue', { kind: SpanKind.PRODUCER, startTime }, at);
  const carrier: { traceparent?: string } = {};
  propagation.inject(trace.setSpan(at, span), carrier);
  let endTime: number | undefined;
  try {
    const delivery = await send(carrier.traceparent);
    if (delivery) {
      const { batch, queueMs } = delivery;
      span.setAttributes({ 'dent.batch.id': batch.id, 'dent.batch.size': batch.size });
      // An answer made for an earlier request was not waited for.
      endTime = Math.min(startTime + queueMs, performance.now());
    }
    return delivery;
  } catch (error) {
    fail(span, error);
    throw error;
  } finally {
    span.end(endTime);
  }
}

/** The batch as seen from a row's trace that does not record the batch itself. */
function startRide(row: Context, batch: Span, attributes: Attributes): Span {
  const links = [{ context: batch.spanContext() }];
  return tracer().startSpan('batch', { kind: SpanKind.CONSUMER, attributes, links }, row);
}

/** The first row of each trace: a request may have sent many rows. */
function onePerTrace(rows: readonly Context[]): Context[] {
  const ids = rows.map((row) => trace.getSpanContext(row)?.traceId);
  return rows.filter((_, i) => ids.indexOf(ids[i]) === i);
}

/** Runs a batch whose rows came with these `traceparent`s. `work` may add attributes to its span. */
export async function inBatchSpan<T>(
  attributes: Attributes,
  traceparents: readonly (string | undefined)[],
  work: (describe: (attributes: Attributes) => void) => Promise<T>,
): Promise<T> {
  const rows = traceparents
    .filter((traceparent) => traceparent !== undefined)
    .map((traceparent) => propagation.extract(ROOT_CONTEXT, { traceparent }));
  const [host, ...others] = onePerTrace(rows);
  // The request that happened to start this batch has no part in it.
  if (!host) return context.with(ROOT_CONTEXT, () => work(() => {}));
  const links = rows.map((row) => ({ context: trace.getSpanContext(row)! }));
  const batch = tracer().startSpan('batch', { kind: SpanKind.CONSUMER, attributes, links }, host);
  const rides = others.map((row) => startRide(row, batch, attributes));
  try {
    return await during(batch, host, () => work((more) => batch.setAttributes(more)));
  } finally {
    for (const ride of rides) ride.end();
  }
}

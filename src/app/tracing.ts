import type { FastifyBaseLogger } from 'fastify';
import type { Config } from '../config.ts';
import { VERSION } from '../version.ts';

/** What records spans and sends them away. */
export interface Tracing {
  /** Sends what is left, for as long as a collector may take that is well. Never rejects. */
  close(): Promise<void>;
}

const OFF: Tracing = { close: async () => {} };

/** A collector that takes longer loses the last spans of a process that ends. */
const FLUSH_MS = 2_000;

/**
 * Sends spans to the OpenTelemetry collector of `otlpEndpoint` from now on, as `service`; does nothing where there is none. What is
 * recorded waits in a bounded queue, and is dropped where the collector does not take it. Sampling, headers, resource attributes
 * and the queue follow OpenTelemetry's own variables (`OTEL_TRACES_SAMPLER`, `OTEL_EXPORTER_OTLP_HEADERS`, ...).
 */
export async function startTracing(
  { otlpEndpoint }: Config,
  service: string,
  log: FastifyBaseLogger,
): Promise<Tracing> {
  if (otlpEndpoint === undefined) return OFF;
  // Loaded here so that whoever sends no spans need not wait for the code that would.
  const [api, sdk, { OTLPTraceExporter }, { detectResources, envDetector, resourceFromAttributes }] =
    await Promise.all([
      import('@opentelemetry/api'),
      import('@opentelemetry/sdk-trace-node'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
    ]);
  const exporter = new OTLPTraceExporter({ url: `${otlpEndpoint.replace(/\/+$/, '')}/v1/traces` });
  let reported = false;
  const send = exporter.export.bind(exporter);
  exporter.export = (spans, onResult) =>
    send(spans, (result) => {
      // One line for each outage.
      if (result.error && !reported) log.warn({ fault: result.error.message }, 'spans cannot be delivered');
      reported = result.error !== undefined;
      onResult(result);
    });
  const own = resourceFromAttributes({
    'service.name': service,
    'service.version': VERSION,
    'process.pid': process.pid,
  });
  const provider = new sdk.NodeTracerProvider({
    resource: own.merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new sdk.BatchSpanProcessor(exporter)],
  });
  provider.register();
  log.info('sends spans to an OpenTelemetry collector');

  return {
    async close() {
      let timer: NodeJS.Timeout | undefined;
      const patience = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, FLUSH_MS);
      });
      await Promise.race([provider.shutdown().catch(() => {}), patience]);
      clearTimeout(timer);
      api.trace.disable();
      api.context.disable();
      api.propagation.disable();
    },
  };
}

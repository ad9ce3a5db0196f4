import type { Config } from '../config.ts';
import { VERSION } from '../version.ts';

/** Records spans and sends them away. */
export interface Tracing {
  /** Sends the rest, for as long as a healthy collector may need. Never rejects. */
  close(): Promise<void>;
}

/** An attempt to deliver spans. */
export interface Export {
  /** By the clock of the machine, which several processes share. */
  readonly sentMs: number;
  /** Why it failed, where it did. */
  readonly fault: string | undefined;
}

/** What is worth telling an operator. */
export interface DeliveryObserver {
  started(): void;
  exported(attempt: Export): void;
}

const OFF: Tracing = { close: async () => {} };

/** With a slower collector, a process that ends loses its last spans. */
const FLUSH_MS = 2_000;

/**
 * From now on sends spans to the OpenTelemetry collector at `otlpEndpoint`, as `service`. Does nothing where
 * there is none. Recorded spans wait in a bounded queue, and are dropped where the collector does not take
 * them. Sampling, headers, resource attributes and the queue follow OpenTelemetry's own variables
 * (`OTEL_TRACES_SAMPLER`, `OTEL_EXPORTER_OTLP_HEADERS`, ...).
 */
export async function startTracing(
  { otlpEndpoint }: Config,
  service: string,
  observer: DeliveryObserver,
): Promise<Tracing> {
  if (otlpEndpoint === undefined) return OFF;
  // Loaded here, so that a process without a collector does not wait for code that it does not need.
  const [api, sdk, { OTLPTraceExporter }, { detectResources, envDetector, resourceFromAttributes }] =
    await Promise.all([
      import('@opentelemetry/api'),
      import('@opentelemetry/sdk-trace-node'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
    ]);
  const exporter = new OTLPTraceExporter({ url: `${otlpEndpoint.replace(/\/+$/, '')}/v1/traces` });
  const send = exporter.export.bind(exporter);
  exporter.export = (spans, onResult) => {
    const sentMs = Date.now();
    send(spans, (result) => {
      observer.exported({ sentMs, fault: result.error?.message });
      onResult(result);
    });
  };
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
  observer.started();

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

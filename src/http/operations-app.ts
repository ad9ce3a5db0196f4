import type { FastifyBaseLogger } from 'fastify';
import type { App } from './app-instance.ts';
import { closeConnections } from './connection-close.ts';
import { handleErrors } from './errors.ts';
import { createFastify, type HttpLimits } from './fastify.ts';
import { endWithApp, type Lifecycle } from './lifecycle.ts';
import { refuseOtherMethods } from './method-not-allowed.ts';
import { type HttpObserver, observeApp } from './observation.ts';
import { ProblemSchema } from './problem.ts';
import { type Health, healthRoutes } from './routes/health.ts';
import { type MetricsPage, metricsRoute } from './routes/metrics.ts';

export interface OperationsAppDeps {
  readonly health: Health;
  readonly lifecycle: Lifecycle;
  readonly metrics: MetricsPage;
  readonly observer: HttpObserver;
  readonly logger: FastifyBaseLogger;
}

/** Health and metrics of a process that takes no requests otherwise, ready for `inject`; it does not listen. */
export async function buildOperationsApp(
  { health, lifecycle, metrics, observer, logger }: OperationsAppDeps,
  limits: HttpLimits,
): Promise<App> {
  const app = createFastify({ observer, logger }, limits);
  const ending = endWithApp(app, lifecycle);
  observeApp(app, observer);
  closeConnections(app, ending);
  handleErrors(app);
  app.addSchema(ProblemSchema);
  refuseOtherMethods(app, () => {
    healthRoutes(app, health, ending);
    metricsRoute(app, metrics);
  });
  await app.ready();
  return app;
}

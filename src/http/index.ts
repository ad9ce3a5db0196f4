export { type AppDeps, type AppOptions, buildApp } from './app.ts';
export type { HttpLimits } from './fastify.ts';
export type { Lifecycle, Phase } from './lifecycle.ts';
export type { HttpObserver } from './observation.ts';
export { buildOperationsApp, type OperationsAppDeps } from './operations-app.ts';
export type { MetricsPage } from './routes/metrics.ts';

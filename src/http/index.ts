export { type AppDeps, type AppOptions, buildApp, type HttpLimits } from './app.ts';
export type { Lifecycle, Phase } from './lifecycle.ts';
export type { HttpObserver } from './observation.ts';
export type { MetricsPage } from './routes/metrics.ts';

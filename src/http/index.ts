export { buildApp } from './server/app.ts';
export type { HttpLimits } from './server/fastify.ts';
export type { Phase } from './server/lifecycle.ts';
export { movableConnections } from './server/move-connections.ts';
export type { HttpObserver } from './server/observation.ts';
export { buildOperationsApp } from './server/operations-app.ts';
export type { MetricsPage } from './server/routes/metrics.ts';
export { type PageFile, readPage } from './server/routes/page.ts';
export type { Playground, PlaygroundAttack } from './v1/playground.ts';

import Type from 'typebox';
import { answer, KEY_PROBLEMS, problems } from '../answers.ts';
import type { App } from '../app-instance.ts';

/** The page that Prometheus scrapes. */
export interface MetricsPage {
  readonly contentType: string;
  text(): Promise<string>;
}

export function metricsRoute(app: App, page: MetricsPage): void {
  app.get(
    '/metrics',
    {
      config: { polled: true, scope: 'metrics' },
      schema: {
        operationId: 'metrics',
        summary: 'Metrics for Prometheus',
        tags: ['operations'],
        response: { 200: answer('The metrics.', 'text/plain', Type.String()), ...problems(...KEY_PROBLEMS) },
      },
    },
    async (_request, reply) => reply.type(page.contentType).send(await page.text()),
  );
}

import Type from 'typebox';
import type { Inference } from '../../../inference/inference.ts';
import { answer } from '../answers.ts';
import type { App } from '../app-instance.ts';
import { maySee } from '../guard.ts';
import type { Lifecycle } from '../lifecycle.ts';

const strict = { additionalProperties: false } as const;
const Live = Type.Object({ live: Type.Boolean() }, { title: 'Live', ...strict });
const Hung = Type.Object(
  { live: Type.Boolean(), reasons: Type.Array(Type.String(), { minItems: 1 }) },
  { title: 'NotLive', ...strict },
);
const Ready = Type.Object(
  {
    ready: Type.Boolean(),
    warnings: Type.Optional(
      Type.Array(Type.String(), {
        description: 'Warnings for the operator, such as a model without a worker.',
      }),
    ),
  },
  { title: 'Ready', ...strict },
);
const Unready = Type.Object(
  {
    ready: Type.Boolean(),
    reasons: Type.Array(Type.String(), { minItems: 1, description: 'Why not, one sentence each.' }),
  },
  { title: 'NotReady', ...strict },
);

const NOT_READY = 503;
/** Reasons name models and the place of the queue. */
const NOT_FOR_ALL =
  'The service cannot answer requests at present. Its log says why, and so does this page to a key with the scope "metrics" or "admin".';

/** Empty where the process can do its work. Otherwise why not, one sentence each. */
export type Health = Pick<Inference, 'unreadyReasons'> & Partial<Pick<Inference, 'warnings'>>;

export function healthRoutes(app: App, health: Health, lifecycle: Lifecycle): void {
  app.get(
    '/v2/health/live',
    {
      config: { polled: true, scope: 'open' },
      schema: {
        operationId: 'live',
        summary: 'Whether the process answers',
        description:
          'With `--processes`: whether the first process works, too. A service that is not live has to be restarted.',
        tags: ['health'],
        response: {
          200: answer('It does.', 'application/json', Live, { live: true }),
          [NOT_READY]: answer('It hangs.', 'application/json', Hung, {
            live: false,
            reasons: ['The first process of the server has been silent for 10 seconds.'],
          }),
        },
      },
    },
    async (_request, reply) => {
      const reason = lifecycle.hungReason?.();
      if (reason === undefined) return { live: true };
      return reply.code(NOT_READY).send({ live: false, reasons: [reason] });
    },
  );
  app.get(
    '/v2/health/ready',
    {
      config: { polled: true, scope: 'open' },
      schema: {
        operationId: 'ready',
        summary: 'Whether requests should be sent here',
        description:
          'Not before each version of the repository has been tried once, nor while no model serves or the queue cannot be reached, and not any more once the service is shutting down. ' +
          'Where keys are configured, only those with the scope `metrics` or `admin` are told the reasons; the status needs no key.',
        tags: ['health'],
        response: {
          200: answer('They should.', 'application/json', Ready, { ready: true }),
          [NOT_READY]: answer('They should not.', 'application/json', Unready, {
            ready: false,
            reasons: ['Version 1 of the model "cifar10-resnet14" is loading.'],
          }),
        },
      },
    },
    async (request, reply) => {
      const known = health.unreadyReasons();
      const isTold = known.length === 0 || maySee(request, 'metrics', 'admin');
      const reasons = isTold ? [...known] : [NOT_FOR_ALL];
      if (lifecycle.phase() !== 'serving') reasons.unshift('The service is shutting down.');
      if (reasons.length === 0) {
        const warnings = health.warnings?.() ?? [];
        const isShown = warnings.length > 0 && maySee(request, 'metrics', 'admin');
        return { ready: true, ...(isShown && { warnings: [...warnings] }) };
      }
      return reply.code(NOT_READY).send({ ready: false, reasons });
    },
  );
}

import type { FastifyReply } from 'fastify';
import Type from 'typebox';
import { ServiceError } from '../../errors.ts';
import type { App } from '../server/app-instance.ts';
import { hangUp } from '../server/hang-up.ts';
import { type Lifecycle, refuseWhileEnding } from '../server/lifecycle.ts';
import { readBody } from './body.ts';
import { ModelName } from './schemas/predict.ts';

/** An attack on one picture, for somebody who looks on. */
export interface PlaygroundAttack {
  readonly model: string;
  readonly image: Uint8Array;
  /** The largest change of a pixel, in bytes; with 0 the picture stays as the model sees it. */
  readonly eps: number;
  readonly iterations: number;
  readonly signal: AbortSignal;
}

/** What has pictures attacked. Every failure is a `ServiceError`. */
export interface Playground {
  /** The attacked picture as PNG, in the model's own size. */
  attack(attack: PlaygroundAttack): Promise<Uint8Array>;
}

const EPS = 8;
const ITERATIONS = 20;
/** Bounds: what a person can see already, and a few seconds of a small model. */
const AttackOptions = Type.Object(
  {
    eps: Type.Optional(Type.Integer({ minimum: 0, maximum: 64 })),
    iterations: Type.Optional(Type.Integer({ minimum: 1, maximum: 40 })),
  },
  { additionalProperties: false },
);

const OFF =
  'This server attacks no pictures: DENT_PLAYGROUND is off, as it is by default on an address that others can reach.';

interface PlaygroundDeps {
  readonly playground?: Playground;
  readonly lifecycle: Lifecycle;
}

/**
 * Attacks for the page. They are no part of the API's document: a server that others reach does not have
 * them.
 */
export function playgroundRoutes(app: App, { playground, lifecycle }: PlaygroundDeps): void {
  app.get('/v1/playground', { config: { scope: 'open' }, schema: { hide: true } }, async () => ({
    attacks: playground !== undefined,
  }));
  app.post(
    '/v1/models/:name/attack',
    {
      config: { scope: 'predict' },
      schema: { hide: true, params: Type.Object({ name: ModelName }), querystring: AttackOptions },
      onRequest: [
        refuseWhileEnding(lifecycle),
        async () => {
          if (playground === undefined) throw new ServiceError('forbidden', OFF);
        },
      ],
    },
    async (request, reply): Promise<FastifyReply> => {
      const { images } = await readBody(request);
      request.upload?.leave();
      const { eps = EPS, iterations = ITERATIONS } = request.query;
      const [image, ...others] = images;
      if (image === undefined || others.length > 0) {
        throw new ServiceError('invalid_request', 'An attack is of one image: send one.');
      }
      const signal = hangUp(request.raw, reply.raw);
      const png = await playground!.attack({ model: request.params.name, image, eps, iterations, signal });
      return reply.type('image/png').send(Buffer.from(png));
    },
  );
}

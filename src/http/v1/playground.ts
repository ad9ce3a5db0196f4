import type { FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { ServiceError } from '../../errors.ts';
import type { PredictOptions } from '../../inference/inference.ts';
import { answer, PREDICT_PROBLEMS, problems } from '../server/answers.ts';
import type { App } from '../server/app-instance.ts';
import { grant } from '../server/caller.ts';
import { hangUp } from '../server/hang-up.ts';
import { type Lifecycle, refuseWhileEnding } from '../server/lifecycle.ts';
import { readBody } from './body.ts';
import { DOCUMENTED_IMAGE, ModelName } from './schemas/predict.ts';

/** An attack on one picture, for somebody who looks on. */
export interface PlaygroundAttack
  extends Pick<PredictOptions, 'recipe' | 'caller' | 'recipes' | 'hidesStatic'> {
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
    eps: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 64,
        description: `The largest change of a pixel's value, of 255; ${EPS} where it is not given. With 0 nothing is searched: the answer is the picture as the model sees it.`,
      }),
    ),
    iterations: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 40,
        description: `Steps of the search, each of which costs a gradient; ${ITERATIONS} where it is not given.`,
      }),
    ),
    recipe: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 128,
        description:
          "One of the model's recipes. The attacker then sees the model as this recipe adapts it to the picture, and holds that fixed while " +
          'it searches. Where none is named it sees the model as it is.',
      }),
    ),
  },
  { additionalProperties: false },
);

const DESCRIPTION =
  'Moves each pixel a little, so that the model errs: PGD with random start on the cross-entropy of what the model says of the picture. ' +
  'The picture is one image, in a body as of a prediction. One attack runs at a time, for at most 20 seconds, of a model of at most ' +
  '256 x 256 pixels, and only where batches run in the server itself. ' +
  'Off unless DENT_PLAYGROUND is on, as it is by default on a loopback address alone; then 403.';

const PNG = { type: 'string', format: 'binary', description: 'In the size that the model sees.' };

const OFF =
  'This server attacks no pictures: DENT_PLAYGROUND is off, as it is by default on an address that others can reach.';

const PlaygroundState = Type.Object(
  { attacks: Type.Boolean({ description: 'Whether `attack` answers with anything but 403.' }) },
  { title: 'PlaygroundState', additionalProperties: false },
);
/** An attack does not pass the queue. */
const PROBLEMS = PREDICT_PROBLEMS.filter((code) => code !== 'queue_unavailable');

const config = {
  scope: 'predict',
  /** For the document only: the handler reads the body itself. */
  swaggerTransform: ({ schema, url }: { schema: object; url: string }) => ({
    schema: { ...schema, body: { content: { 'application/octet-stream': DOCUMENTED_IMAGE } } },
    url,
  }),
} as const;

interface PlaygroundDeps {
  readonly playground?: Playground;
  readonly lifecycle: Lifecycle;
}

/** The one image of a request. Rejects with `invalid_request`. */
async function imageOf(request: FastifyRequest): Promise<Uint8Array> {
  const { images, options } = await readBody(request);
  request.upload?.leave();
  const [stray] = Object.keys(options);
  if (stray !== undefined) {
    const sentence = `The parameters of an attack are in the query; leave "${stray}" out of the body.`;
    throw new ServiceError('invalid_request', sentence);
  }
  const [image, ...others] = images;
  if (image === undefined || others.length > 0) {
    throw new ServiceError('invalid_request', 'An attack is of one image: send one.');
  }
  return image;
}

/**
 * Attacks for the page, and for people who want to see one. A server that others reach does not have them.
 */
export function playgroundRoutes(app: App, { playground, lifecycle }: PlaygroundDeps): void {
  app.get(
    '/v1/playground',
    {
      config: { scope: 'open' },
      schema: {
        operationId: 'getPlayground',
        summary: 'Whether pictures are attacked here',
        tags: ['playground'],
        response: {
          200: answer('Whether they are.', 'application/json', PlaygroundState, { attacks: false }),
          ...problems(),
        },
      },
    },
    async () => ({ attacks: playground !== undefined }),
  );
  app.post(
    '/v1/models/:name/attack',
    {
      config,
      schema: {
        operationId: 'attackPicture',
        summary: 'Attack a picture (off by default)',
        description: DESCRIPTION,
        tags: ['playground'],
        params: Type.Object({ name: ModelName }),
        querystring: AttackOptions,
        response: {
          200: answer('The attacked picture.', 'image/png', PNG),
          ...problems('invalid_image', ...PROBLEMS),
        },
      },
      onRequest: [
        refuseWhileEnding(lifecycle),
        async () => {
          if (playground === undefined) throw new ServiceError('forbidden', OFF);
        },
      ],
    },
    async (request, reply): Promise<FastifyReply> => {
      const image = await imageOf(request);
      const { eps = EPS, iterations = ITERATIONS, recipe } = request.query;
      const png = await playground!.attack({
        ...grant(request, undefined),
        model: request.params.name,
        ...(recipe !== undefined && { recipe }),
        image,
        eps,
        iterations,
        signal: hangUp(request.raw, reply.raw),
      });
      return reply.type('image/png').send(Buffer.from(png));
    },
  );
}

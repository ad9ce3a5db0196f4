import Type from 'typebox';
import { IMAGE_TYPES } from '../body.ts';

export const PredictQuery = Type.Object(
  {
    recipe: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 128,
        description: "One of the model's recipes; its default where none is named.",
      }),
    ),
    top_k: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: 'How many classes to return, at most as many as the model has; 5 where it is not given.',
      }),
    ),
    timeout_ms: Type.Optional(
      Type.Integer({
        minimum: 1,
        description:
          'Milliseconds after which the answer is of no use. The most, and the default, is what the model allows.',
      }),
    ),
  },
  { additionalProperties: false },
);

export const PREFER = 'prefer';
export const IDEMPOTENCY_KEY = 'idempotency-key';
export const PRIORITY = 'dent-priority';

/** Names are lower-case, as Node has them. */
export const PredictHeaders = Type.Object({
  [PREFER]: Type.Optional(
    Type.String({
      maxLength: 256,
      description:
        '`respond-async` (RFC 7240): the answer is 202 as soon as the image waits, and the prediction is told at `Location`.',
    }),
  ),
  [IDEMPOTENCY_KEY]: Type.Optional(
    Type.String({
      pattern: '^[\\x21-\\x7e]{1,255}$',
      description:
        'A name of your own for this request. Sent again while its answer is kept, it gets the first answer and is not run again, ' +
        'unless the first failed. The same key with another image, model, recipe or top_k is refused with invalid_request.',
    }),
  ),
  [PRIORITY]: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 3,
      description: '1 goes before 2, the default, and 2 before 3; nobody waits for ever.',
    }),
  ),
});

export const ModelName = Type.String({
  minLength: 1,
  description: 'Name of a model.',
  examples: ['cifar10-resnet14'],
});
export const ModelVersionNumber = Type.String({
  pattern: '^[0-9]{1,9}$',
  description: 'Version of the model.',
  examples: ['1'],
});

/** A pixel. */
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC';

const JsonBody = Type.Object(
  {
    image: Type.String({
      minLength: 4,
      pattern: '^[A-Za-z0-9+/]+={0,2}$',
      contentEncoding: 'base64',
      description: 'The image in base64, without line breaks and without a data: prefix.',
    }),
  },
  { additionalProperties: false, examples: [{ image: PNG }] },
);

/** What Fastify validates: bodies that are no JSON reach the handler as bytes. */
export const PREDICT_BODY = { content: { 'application/json': { schema: JsonBody } } };

const binary = (description: string) => ({ type: 'string', format: 'binary', description });

/** What the document shows, in the order of what most callers want. */
export const DOCUMENTED_PREDICT_BODY = {
  content: {
    ...Object.fromEntries(IMAGE_TYPES.map((type) => [type, { schema: binary('The image itself.') }])),
    'multipart/form-data': {
      schema: {
        type: 'object',
        properties: { image: binary('The image, as a file.') },
        required: ['image'],
        additionalProperties: false,
      },
    },
    ...PREDICT_BODY.content,
  },
};

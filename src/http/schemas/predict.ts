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

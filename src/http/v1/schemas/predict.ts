import Type from 'typebox';

const options = {
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
  trace: Type.Optional(
    Type.Boolean({
      description:
        'Whether the answer tells how the adaptation went, as `trace`; not where it is not given, nor to keys that are told nothing of ' +
        'the model as it is.',
    }),
  ),
  timeout_ms: Type.Optional(
    Type.Integer({
      minimum: 1,
      description:
        'Milliseconds after which the answer is of no use. The default is what the model allows, and more is taken for that.',
    }),
  ),
};

/** In the query, and beside the image in a form or in JSON. */
export const PredictOptions = Type.Object(options, { additionalProperties: false });
export type PredictOptions = Type.Static<typeof PredictOptions>;
export const OPTION_NAMES: readonly string[] = Object.keys(options);

export const PREFER = 'prefer';
export const IDEMPOTENCY_KEY = 'idempotency-key';
export const PRIORITY = 'dent-priority';

/** Lower-case names, as Node has them. */
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
        'unless the first failed. The same key with another image, model, recipe, top_k or trace is refused with invalid_request.',
    }),
  ),
  [PRIORITY]: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 3,
      description: '1 goes before 2, the default, and 2 before 3; no image waits for ever.',
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

/** One pixel. */
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC';

/** The largest batch that a manifest may ask for. */
export const MAX_IMAGES = 4096;

const Base64 = Type.String({
  minLength: 1,
  contentEncoding: 'base64',
  description:
    'The image in base64, of either alphabet, with or without padding and line breaks; or a data: URL.',
});

/** For validation. Exactly one of the first two must be there. */
export const PredictJson = Type.Object(
  {
    image: Type.Optional(Base64),
    images: Type.Optional(Type.Array(Base64, { minItems: 1, maxItems: MAX_IMAGES })),
    ...options,
  },
  { additionalProperties: false },
);

const strict = { additionalProperties: false } as const;
export const ImageRequestSchema = Type.Object(
  { image: Base64, ...options },
  { $id: 'ImageRequest', ...strict },
);
export const ImagesRequestSchema = Type.Object(
  {
    images: Type.Array(Base64, { minItems: 1, description: "At most as many as the model's largest batch." }),
    ...options,
  },
  { $id: 'ImagesRequest', ...strict },
);

const Files = Type.Array(Type.String({ format: 'binary' }), {
  minItems: 1,
  description:
    'The image as a file, or the field several times for several images. Called "images", the answer is a list also for one.',
});
/** For the document: a body that is the image itself. */
export const DOCUMENTED_IMAGE = {
  schema: Type.String({
    format: 'binary',
    description: 'The image itself; image/jpeg and other image types work too.',
  }),
};

/**
 * For the document, in the order of what most callers want. Any content type works, because the bytes decide.
 * Generators of clients know this one.
 */
export const DOCUMENTED_PREDICT_BODY = {
  content: {
    'application/octet-stream': DOCUMENTED_IMAGE,
    'multipart/form-data': {
      // One schema: generated clients send nothing for a form that may be one of two.
      schema: Type.Object({ image: Files, ...options }, { title: 'ImageForm', ...strict }),
    },
    'application/json': {
      schema: {
        anyOf: [{ $ref: 'ImageRequest#' }, { $ref: 'ImagesRequest#' }],
        examples: [{ image: PNG }, { images: [PNG, PNG], top_k: 2 }],
      },
    },
  },
};

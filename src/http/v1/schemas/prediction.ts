import Type from 'typebox';
import type { AcceptedPrediction, Prediction } from '../../../inference/inference.ts';
import { createProblem } from '../../server/problem.ts';

const strict = { additionalProperties: false } as const;
const Milliseconds = (description: string) => Type.Number({ minimum: 0, description });
const Nats = (description: string, more = '') =>
  Type.Number({ description: `${description}, in nats. ${more}`.trim() });
/** For fields that a key may hide. */
const IF_SEEN = 'Absent for keys that are told nothing of the model as it is.';

const ClassProbability = (description?: string) =>
  Type.Object(
    {
      class: Type.Integer({ minimum: 0, description: "Index of the class in the model's labels." }),
      label: Type.String(),
      probability: Type.Number({ minimum: 0, maximum: 1 }),
    },
    { title: 'ClassProbability', ...strict, ...(description !== undefined && { description }) },
  );

export const PredictionSchema = Type.Object(
  {
    id: Type.String({ description: 'Names this prediction.' }),
    model: Type.Object(
      { name: Type.String(), version: Type.Integer({ minimum: 0 }) },
      { title: 'ServedBy', ...strict },
    ),
    predictions: Type.Array(ClassProbability(), {
      minItems: 1,
      description: 'The top classes after adaptation, the most probable first.',
    }),
    static: Type.Optional(
      ClassProbability(`The top class of the model as it is, without adaptation. ${IF_SEEN}`),
    ),
    adaptation: Type.Object(
      {
        recipe: Type.String({ description: "The recipe that was asked for, or the model's default." }),
        applied: Type.String({
          description:
            'The recipe that was applied: another one where the batch was too small for the first, and `static` or `blend` where all that the recipe does is to choose the statistics of each batch.',
        }),
        steps: Type.Integer({
          minimum: 0,
          description: 'Updates that the image made: fewer than the recipe has where it stopped by itself.',
        }),
        entropy_before: Type.Optional(Nats('Entropy of the prediction before the first update', IF_SEEN)),
        entropy_after: Nats('Entropy of the prediction after the last update'),
        label_changed: Type.Optional(
          Type.Boolean({ description: `Whether adaptation changed the top class. ${IF_SEEN}` }),
        ),
      },
      { title: 'Adaptation', ...strict },
    ),
    trace: Type.Optional(
      Type.Object(
        {
          entropies: Type.Array(Type.Number(), {
            minItems: 1,
            description:
              'Entropy of the prediction before the first update and after each, in nats. Recipes that take the statistics of the batch, ' +
              'or smooth the image, differ from the model as it is before the first update already.',
          }),
          top: Type.Optional(
            Type.Array(ClassProbability(), {
              minItems: 1,
              description:
                'The top class, and its probability, at each of the entropies. Absent where a worker of an earlier release answered.',
            }),
          ),
          static: Type.Array(ClassProbability(), {
            minItems: 1,
            description: 'The top classes of the model as it is, as many as were asked for.',
          }),
        },
        {
          title: 'Trace',
          ...strict,
          description: `How the adaptation went, where it was asked for. ${IF_SEEN}`,
        },
      ),
    ),
    batch: Type.Object(
      {
        id: Type.String(),
        size: Type.Integer({ minimum: 1, description: 'Images that were adapted and predicted together.' }),
      },
      { title: 'Batch', ...strict, description: 'The batch that the image was part of.' },
    ),
    timing_ms: Type.Object(
      {
        decode: Milliseconds('Decoding and resizing the image.'),
        queue: Milliseconds('Waiting for the batch to start.'),
        adapt: Milliseconds('Adapting to the batch and predicting it.'),
        total: Milliseconds('From the accepted request to the answer.'),
      },
      { title: 'Timing', ...strict, description: 'Where the time went, in milliseconds.' },
    ),
  },
  { $id: 'Prediction', ...strict },
);

export const PREDICTION_EXAMPLE: Prediction = {
  id: '5f2b7a44-5f0e-4c55-9a44-0d6f5a1c9f0e',
  model: { name: 'cifar10-resnet14', version: 1 },
  predictions: [
    { class: 3, label: 'cat', probability: 0.91 },
    { class: 5, label: 'dog', probability: 0.06 },
  ],
  static: { class: 5, label: 'dog', probability: 0.51 },
  adaptation: {
    recipe: 'brief',
    applied: 'brief',
    steps: 2,
    entropy_before: 1.21,
    entropy_after: 0.31,
    label_changed: true,
  },
  batch: { id: 'b1c0f0a2-6a1f-4f0e-8f5d-3f6f4e0d2c11', size: 87 },
  timing_ms: { decode: 0.4, queue: 12.1, adapt: 830.2, total: 843.9 },
};

export const AcceptedPredictionSchema = Type.Object(
  {
    id: Type.String({ description: 'Names the prediction.' }),
    status: Type.Enum(['pending', 'done'], {
      type: 'string',
      description: '`done` where the answer is available already, because the request was sent before.',
    }),
  },
  { $id: 'AcceptedPrediction', ...strict },
);

export const ACCEPTED_EXAMPLE: AcceptedPrediction = { id: PREDICTION_EXAMPLE.id, status: 'pending' };

/** The answer to a request of several images. */
export const PredictionResultsSchema = Type.Object(
  {
    results: Type.Array(Type.Unsafe({ anyOf: [{ $ref: 'Prediction#' }, { $ref: 'Problem#' }] }), {
      minItems: 1,
      description: 'For each image in order its prediction, or the problem that it failed with.',
    }),
  },
  { $id: 'PredictionResults', ...strict },
);

export const RESULTS_EXAMPLE = {
  results: [
    PREDICTION_EXAMPLE,
    createProblem(
      'invalid_image',
      'The image is a GIF file; JPEG, PNG, WebP and AVIF are read: convert it to one of them first.',
    ),
  ],
};

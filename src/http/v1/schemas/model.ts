import Type from 'typebox';
import type { ModelSummary } from '../../../inference/inference.ts';
import type { Recipe } from '../../../models/index.ts';

const strict = { additionalProperties: false } as const;
const described = (description: string) => ({ description });
const oneOf = <T extends string[]>(words: readonly [...T], description?: string) =>
  Type.Enum(words, { type: 'string', ...(description !== undefined && { description }) });

const InputSchema = Type.Object(
  {
    width: Type.Integer({ minimum: 1 }),
    height: Type.Integer({ minimum: 1 }),
    channels: oneOf(['rgb', 'bgr', 'gray']),
    scale: Type.Number(),
    mean: Type.Array(Type.Number(), described('One value for each channel.')),
    std: Type.Array(Type.Number(), described('One value for each channel.')),
    fit: oneOf(
      ['cover', 'contain', 'fill'],
      'cover resizes and crops to the centre, contain pads with black, fill stretches.',
    ),
  },
  {
    title: 'ModelInput',
    ...strict,
    description:
      'How an image becomes a row: resized to width x height, then pixel p becomes (p * scale - mean) / std.',
  },
);

const size = () => Type.Integer({ minimum: -1 });

const ReadingSchema = Type.Object(
  {
    input: Type.Object(
      {
        name: Type.String(),
        layout: oneOf(['NCHW', 'NHWC'], "The order of axes in the model's file."),
        type: Type.String(described("Of the numbers in the model's file.")),
        channels: size(),
        height: size(),
        width: size(),
      },
      { title: 'ReadInput', ...strict, description: 'With the sizes that the model was compiled for.' },
    ),
    output: Type.Object(
      {
        name: Type.String(),
        classes: Type.Integer({ minimum: 2 }),
        takenAs: oneOf(
          ['logits', 'log-probabilities'],
          'log-probabilities: the output gives probabilities, and their logarithms are the logits.',
        ),
        removed: Type.Optional(
          Type.String(described('The closing Softmax, or Sigmoid of two classes, that was taken off.')),
        ),
        leftOut: Type.Array(Type.String(), described('Outputs of the model that are not used.')),
      },
      { title: 'ReadOutput', ...strict },
    ),
    layers: Type.Array(
      Type.Object(
        {
          kind: oneOf(['batch', 'layer', 'group', 'instance', 'rms', 'convolution']),
          adapted: Type.Integer({ minimum: 1 }),
        },
        { title: 'ReadLayers', ...strict },
      ),
      described('How many layers of each kind have their scale and shift adapted.'),
    ),
    leftAlone: Type.Array(
      Type.Object({ layer: Type.String(), reason: Type.String() }, { title: 'LayerLeftAlone', ...strict }),
      described('Layers that are not adapted, and why.'),
    ),
    warnings: Type.Array(
      Type.String(),
      described('What is likely not what the owner of the model wants, and how to do better.'),
    ),
  },
  {
    title: 'Reading',
    ...strict,
    description:
      "What the model's file was taken for; absent where engines are elsewhere, whose log says it.",
  },
);

const VersionSchema = Type.Object(
  {
    version: Type.Integer({ minimum: 0 }),
    state: oneOf(
      ['loading', 'ready', 'failed', 'unloaded'],
      'Requests for a version that is not ready are answered with 503; unloaded: somebody asked for that.',
    ),
    reason: Type.Optional(
      Type.String(
        described(
          'Why it failed, or what it waits for; of a version that is ready, why its files as they are now are not what serves.',
        ),
      ),
    ),
    sha256: Type.Optional(Type.String(described('Of the model file.'))),
    reading: Type.Optional(ReadingSchema),
  },
  { title: 'ModelVersion', ...strict },
);

export const ModelSchema = Type.Object(
  {
    name: Type.String(),
    description: Type.Optional(Type.String()),
    reason: Type.Optional(
      Type.String(
        described("Why the model's folder as it is now cannot be used; what served before goes on."),
      ),
    ),
    versions: Type.Array(VersionSchema),
    defaultVersion: Type.Optional(
      Type.Integer({
        minimum: 0,
        ...described('Serves where a request names none; absent while no version is ready.'),
      }),
    ),
    input: Type.Optional(InputSchema),
    labels: Type.Optional(Type.Array(Type.String(), described('By class index.'))),
    recipes: Type.Optional(
      Type.Record(Type.String(), Type.Unsafe<Recipe>({ $ref: 'Recipe#' }), described('By name.')),
    ),
    defaultRecipe: Type.Optional(Type.String(described('Applied where a request names none.'))),
  },
  {
    $id: 'Model',
    ...strict,
    description:
      'Description, input, labels and recipes are those of the version that serves by default; absent where no manifest could be read.',
  },
);

const isolated: Recipe = {
  steps: 6,
  scope: 'sample',
  statistics: 'source',
  prior: 16,
  margin: 0,
  divergence: 'off',
  divergenceRows: 20,
  objective: 'entropy',
  optimizer: 'adamod',
  lr: 0.006,
  beta1: 0.99,
  beta2: 0.999,
  beta3: 0.6,
  rows: 128,
  sigma: 'off',
  sigmaLr: 0.25,
  gate: 'off',
  floor: 'off',
  affine: 'on',
  small: 'isolated',
};

export const MODEL_EXAMPLE: ModelSummary = {
  name: 'cifar10-resnet14',
  description: 'ResNet-14 for the ten classes of CIFAR-10.',
  versions: [
    {
      version: 1,
      state: 'ready',
      sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
      reading: {
        input: { name: 'input', layout: 'NCHW', type: 'float32', channels: 3, height: 32, width: 32 },
        output: { name: 'logits', classes: 10, takenAs: 'logits', leftOut: [] },
        layers: [{ kind: 'batch', adapted: 16 }],
        leftAlone: [],
        warnings: [],
      },
    },
  ],
  defaultVersion: 1,
  input: {
    width: 32,
    height: 32,
    channels: 'rgb',
    scale: 0.00392156862745098,
    mean: [0, 0, 0],
    std: [1, 1, 1],
    fit: 'cover',
  },
  labels: ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'],
  recipes: { brief: { ...isolated, gate: 0.4, floor: 0.2 }, isolated },
  defaultRecipe: 'brief',
};

import Type, { type Static } from 'typebox';

const strict = { additionalProperties: false } as const;

/** How every error of /v2 is written. */
export const OpenInferenceErrorSchema = Type.Object(
  { error: Type.String({ description: 'What went wrong, one sentence for a person to read.' }) },
  { $id: 'OpenInferenceError', ...strict },
);

/** Version numbers are strings in this protocol. Any string is one of a version that there might be. */
export const NamedModel = Type.Object({
  model: Type.String({ minLength: 1, description: 'Name of a model.', examples: ['cifar10-resnet14'] }),
});
export const NamedVersion = Type.Object({
  ...NamedModel.properties,
  version: Type.String({ minLength: 1, description: 'Version of the model.', examples: ['1'] }),
});

export const ServerMetadata = Type.Object(
  {
    name: Type.String(),
    version: Type.String(),
    extensions: Type.Array(Type.String(), { description: 'What is implemented beyond the protocol itself.' }),
  },
  strict,
);

export const ModelNames = Type.Object({ models: Type.Array(Type.String()) }, strict);

export const ModelReady = Type.Object({ name: Type.String(), ready: Type.Literal(true) }, strict);

const TensorMetadata = Type.Object(
  {
    name: Type.String(),
    datatype: Type.String(),
    shape: Type.Array(Type.Integer({ minimum: -1 }), { description: '-1 where a size varies.' }),
  },
  strict,
);

export const ModelMetadata = Type.Object(
  {
    name: Type.String(),
    versions: Type.Array(Type.String(), { description: 'Those that are ready.' }),
    platform: Type.String(),
    inputs: Type.Array(TensorMetadata),
    outputs: Type.Array(TensorMetadata),
  },
  strict,
);

const ConfigTensor = Type.Object(
  { name: Type.String(), data_type: Type.String(), dims: Type.Array(Type.Integer({ minimum: -1 })) },
  strict,
);

/** Triton's ModelConfig, as far as it says something of a model here. */
export const ModelConfig = Type.Object(
  {
    name: Type.String(),
    platform: Type.String(),
    backend: Type.String(),
    version_policy: Type.Object(
      {
        specific: Type.Object({ versions: Type.Array(Type.Integer()) }, strict),
      },
      strict,
    ),
    max_batch_size: Type.Integer({ minimum: 1 }),
    input: Type.Array(ConfigTensor),
    output: Type.Array(ConfigTensor),
    dynamic_batching: Type.Object(
      {
        preferred_batch_size: Type.Array(Type.Integer({ minimum: 1 })),
        max_queue_delay_microseconds: Type.Integer({ minimum: 0 }),
        priority_levels: Type.Integer({ minimum: 1 }),
        default_priority_level: Type.Integer({ minimum: 1 }),
        default_queue_policy: Type.Object(
          {
            timeout_action: Type.String(),
            default_timeout_microseconds: Type.Integer({ minimum: 1 }),
            allow_timeout_override: Type.Boolean(),
            max_queue_size: Type.Integer({ minimum: 1 }),
          },
          strict,
        ),
      },
      strict,
    ),
    model_transaction_policy: Type.Object({ decoupled: Type.Literal(false) }, strict),
    parameters: Type.Record(Type.String(), Type.Object({ string_value: Type.String() }, strict), {
      description: 'The recipes that requests may name, and the one that is applied where they name none.',
    }),
  },
  strict,
);

export type ModelMetadataBody = Static<typeof ModelMetadata>;
export type ModelConfigBody = Static<typeof ModelConfig>;

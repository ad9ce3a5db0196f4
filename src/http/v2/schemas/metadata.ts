import Type, { type Static } from 'typebox';
import { strict } from './open-inference.ts';

export const ServerMetadata = Type.Object(
  {
    name: Type.String(),
    version: Type.String(),
    extensions: Type.Array(Type.String(), { description: 'What is implemented beyond the protocol itself.' }),
  },
  { title: 'ServerMetadata', ...strict },
);

export const ModelNames = Type.Object(
  { models: Type.Array(Type.String()) },
  { title: 'ModelNames', ...strict },
);

export const ModelReady = Type.Object(
  { name: Type.String(), ready: Type.Boolean() },
  { title: 'ModelReady', ...strict },
);

const TensorMetadata = Type.Object(
  {
    name: Type.String(),
    datatype: Type.String(),
    shape: Type.Array(Type.Integer({ minimum: -1 }), { description: '-1 where a size varies.' }),
  },
  { title: 'TensorMetadata', ...strict },
);

export const ModelMetadata = Type.Object(
  {
    name: Type.String(),
    versions: Type.Array(Type.String(), { description: 'The ready versions.' }),
    platform: Type.String(),
    inputs: Type.Array(TensorMetadata),
    outputs: Type.Array(TensorMetadata),
  },
  { title: 'ModelMetadata', ...strict },
);

const ConfigTensor = Type.Object(
  { name: Type.String(), data_type: Type.String(), dims: Type.Array(Type.Integer({ minimum: -1 })) },
  { title: 'ConfigTensor', ...strict },
);

/** The part of Triton's ModelConfig that says something about a model here. */
export const ModelConfig = Type.Object(
  {
    name: Type.String(),
    platform: Type.String(),
    backend: Type.String(),
    version_policy: Type.Object(
      {
        specific: Type.Object({ versions: Type.Array(Type.Integer()) }, { title: 'Versions', ...strict }),
      },
      { title: 'VersionPolicy', ...strict },
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
          { title: 'QueuePolicy', ...strict },
        ),
      },
      { title: 'DynamicBatching', ...strict },
    ),
    model_transaction_policy: Type.Object(
      { decoupled: Type.Boolean() },
      { title: 'TransactionPolicy', ...strict },
    ),
    parameters: Type.Record(
      Type.String(),
      Type.Object({ string_value: Type.String() }, { title: 'ConfigParameter', ...strict }),
      {
        description: 'The recipes that requests may name, and the one that is applied where they name none.',
      },
    ),
  },
  { title: 'ModelConfig', ...strict },
);

export type ModelMetadataBody = Static<typeof ModelMetadata>;
export type ModelConfigBody = Static<typeof ModelConfig>;

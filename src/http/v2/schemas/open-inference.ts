import Type, { type Static, type TProperties } from 'typebox';

const strict = { additionalProperties: false } as const;

/** The form of every error of /v2. */
export const OpenInferenceErrorSchema = Type.Object(
  { error: Type.String({ description: 'What went wrong, one sentence for a person to read.' }) },
  { $id: 'OpenInferenceError', ...strict },
);

/** Version numbers are strings in this protocol. Any string may name a version. */
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
  { title: 'ServerMetadata', ...strict },
);

export const ModelNames = Type.Object(
  { models: Type.Array(Type.String()) },
  { title: 'ModelNames', ...strict },
);

export const ModelReady = Type.Object(
  { name: Type.String(), ready: Type.Literal(true) },
  { title: 'ModelReady', ...strict },
);

const ParameterValue = Type.Unsafe<string | number | boolean>({ type: ['string', 'number', 'boolean'] });

/** The parameters that mean something here. Others are ignored. */
const parametersOf = <P extends TProperties>(title: string, known: P) =>
  Type.Optional(Type.Object(known, { title, additionalProperties: ParameterValue }));

/** Long enough for any name. Errors repeat it. */
const Name = Type.String({ maxLength: 256 });
const DataType = Type.String({ maxLength: 32, description: 'Such as FP32 or UINT8.', examples: ['FP32'] });
const Shape = Type.Array(Type.Integer({ minimum: 0 }), { maxItems: 8 });

const InferInput = Type.Object(
  {
    name: Name,
    shape: Shape,
    datatype: DataType,
    parameters: parametersOf('InferInputParameters', {
      binary_data_size: Type.Optional(
        Type.Integer({
          minimum: 0,
          description: 'Bytes of this tensor behind the JSON, which then has no `data`.',
        }),
      ),
    }),
    data: Type.Optional(
      Type.Unknown({ description: 'Numbers in row-major order, in nested arrays or in a flat one.' }),
    ),
  },
  { title: 'InferInput' },
);

const InferOutput = Type.Object(
  {
    name: Name,
    parameters: parametersOf('InferOutputParameters', {
      binary_data: Type.Optional(
        Type.Boolean({ description: 'Whether the tensor comes in bytes behind the JSON.' }),
      ),
      classification: Type.Optional(
        Type.Integer({
          minimum: 0,
          description:
            'The top so many classes as text, `value:index:label`, instead of numbers; 0 for the numbers.',
        }),
      ),
    }),
  },
  { title: 'InferOutput' },
);

/** A request as JSON. Unknown members are ignored. */
export const InferRequest = Type.Object(
  {
    id: Type.Optional(Type.String({ maxLength: 256, description: 'Comes back with the answer.' })),
    parameters: parametersOf('InferParameters', {
      recipe: Type.Optional(
        Type.String({
          maxLength: 128,
          description: "One of the model's recipes; its default where none is named.",
        }),
      ),
      priority: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: 3,
          description: '1 goes first, then 2 and 3; 0 is the default, 2.',
        }),
      ),
      timeout: Type.Optional(
        Type.Integer({
          minimum: 0,
          description:
            'Microseconds after which the answer is of no use; 0 is the default, and the longest, that the model allows.',
        }),
      ),
      binary_data_output: Type.Optional(
        Type.Boolean({ description: 'Whether outputs without a `binary_data` of their own come as bytes.' }),
      ),
    }),
    inputs: Type.Array(InferInput),
    outputs: Type.Optional(
      Type.Array(InferOutput, { maxItems: 16, description: 'All outputs where it is absent.' }),
    ),
  },
  { $id: 'InferRequest' },
);
export type InferRequestBody = Static<typeof InferRequest>;

const AnswerTensor = Type.Object(
  {
    name: Type.String(),
    datatype: Type.String(),
    shape: Shape,
    parameters: Type.Optional(
      Type.Object(
        {
          binary_data_size: Type.Integer({
            minimum: 0,
            description: 'Bytes of this tensor behind the JSON, which then has no `data`.',
          }),
        },
        { title: 'TensorParameters', ...strict },
      ),
    ),
    data: Type.Optional(
      Type.Array(Type.Union([Type.Number(), Type.String(), Type.Null()]), {
        description: 'In row-major order. JSON has no NaN and no infinities; null stands for them.',
      }),
    ),
  },
  { title: 'Tensor', ...strict },
);

export const InferResponse = Type.Object(
  {
    model_name: Type.String(),
    model_version: Type.String(),
    id: Type.String({ description: 'The id of the request, or a new one where it had none.' }),
    parameters: Type.Object(
      {
        recipe: Type.String({ description: 'The recipe that was asked for.' }),
        applied: Type.String({
          description:
            'The recipe that was applied: another one where a batch was too small. Where rows differ, all, with commas between.',
        }),
        steps: Type.Integer({ minimum: 0, description: 'The most updates that a row had.' }),
        entropy_before: Type.Optional(
          Type.Union([Type.Number(), Type.Null()], {
            description:
              'Mean over the rows, of the model as it is, in nats. Absent for keys that are told nothing of that.',
          }),
        ),
        entropy_after: Type.Number({ description: 'Mean over the rows, after the last update, in nats.' }),
        label_changes: Type.Optional(
          Type.Integer({
            minimum: 0,
            description:
              'Rows whose top class adaptation changed. Absent for keys that are told nothing of the model as it is.',
          }),
        ),
        batch_id: Type.String({
          description: 'All of them, separated by commas, where the rows were in several batches.',
        }),
        batch_size: Type.Integer({
          minimum: 1,
          description: 'Rows of the batch, of the smallest where there were several.',
        }),
        queue_ms: Type.Number({ minimum: 0, description: 'Wait of the row that waited longest.' }),
        adapt_ms: Type.Number({ minimum: 0, description: 'Time of the batch that ran longest.' }),
      },
      { title: 'InferAdaptation', ...strict },
    ),
    outputs: Type.Array(AnswerTensor),
  },
  { $id: 'InferResponse', ...strict },
);
export type InferResponseBody = Static<typeof InferResponse>;

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
      { decoupled: Type.Literal(false) },
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

const Duration = Type.Object(
  { count: Type.Integer({ minimum: 0 }), ns: Type.Integer({ minimum: 0 }) },
  { title: 'StatisticDuration', ...strict },
);

export const ModelStatistics = Type.Object(
  {
    model_stats: Type.Array(
      Type.Object(
        {
          name: Type.String(),
          version: Type.String(),
          last_inference: Type.Integer({
            minimum: 0,
            description: 'Milliseconds since the epoch; 0 for none.',
          }),
          inference_count: Type.Integer({ minimum: 0, description: 'Rows.' }),
          execution_count: Type.Integer({ minimum: 0, description: 'Batches.' }),
          inference_stats: Type.Object(
            {
              success: Duration,
              fail: Duration,
              queue: Duration,
              compute_input: Duration,
              compute_infer: Duration,
              compute_output: Duration,
              cache_hit: Duration,
              cache_miss: Duration,
            },
            { title: 'InferStatistics', ...strict },
          ),
          batch_stats: Type.Array(
            Type.Object(
              {
                batch_size: Type.Integer({ minimum: 1 }),
                compute_input: Duration,
                compute_infer: Duration,
                compute_output: Duration,
              },
              { title: 'BatchStatistics', ...strict },
            ),
          ),
        },
        { title: 'VersionStatistics', ...strict },
      ),
    ),
  },
  { title: 'ModelStatistics', ...strict },
);
export type ModelStatisticsBody = Static<typeof ModelStatistics>;

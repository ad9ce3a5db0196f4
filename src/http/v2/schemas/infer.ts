import Type, { type Static, type TProperties } from 'typebox';
import { strict } from './open-inference.ts';

const ParameterValue = Type.Union([Type.String(), Type.Number(), Type.Boolean()]);

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
      Type.Unknown({
        description: 'Numbers in row-major order, in one flat array, or in arrays nested as the shape says.',
      }),
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

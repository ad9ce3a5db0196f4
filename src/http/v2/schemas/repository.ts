import Type, { type Static } from 'typebox';

const strict = { additionalProperties: false } as const;

/** Unknown members are ignored. */
export const IndexRequest = Type.Object({ ready: Type.Optional(Type.Boolean()) });

export const ControlRequest = Type.Object({
  parameters: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
});

export const RepositoryIndex = Type.Array(
  Type.Object(
    {
      name: Type.String(),
      version: Type.Optional(
        Type.String({ description: 'Absent where no version of the model was ever found.' }),
      ),
      state: Type.Enum(['READY', 'LOADING', 'UNAVAILABLE'], { type: 'string' }),
      reason: Type.String({
        description: 'Why it is not ready, or not ready as its files are now; otherwise empty.',
      }),
    },
    { title: 'RepositoryEntry', ...strict },
  ),
);
export type RepositoryIndexBody = Static<typeof RepositoryIndex>;

export const INDEX_EXAMPLE: RepositoryIndexBody = [
  { name: 'cifar10-resnet14', version: '1', state: 'READY', reason: '' },
  {
    name: 'cifar10-resnet14',
    version: '2',
    state: 'UNAVAILABLE',
    reason: 'models/cifar10-resnet14/2/model.onnx: the model is missing.',
  },
];

import Type from 'typebox';

/** For an object of which every member is named. */
export const strict = { additionalProperties: false } as const;

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

import { expect, it } from 'vitest';
import { cleanRuntimeMessage } from './runtime-message.ts';

it.each([
  ['Load model from /srv/a model/m.onnx failed:Protobuf parsing failed.', 'Protobuf parsing failed.'],
  [
    "Load model from /srv/m.onnx failed:Load model /srv/m.onnx failed. File doesn't exist",
    "File doesn't exist.",
  ],
  [
    'Load model from m.onnx failed:/onnxruntime_src/onnxruntime/core/graph/model.cc:187 onnxruntime::Model::Model(onnx::ModelProto&&, const onnxruntime::ModelOptions&) ModelProto does not have a graph.\n',
    'ModelProto does not have a graph.',
  ],
  [
    'Got invalid dimensions for input: x\n index: 1 Got: 4 Expected: 3\n',
    'Got invalid dimensions for input: x index: 1 Got: 4 Expected: 3.',
  ],
])('%j becomes %j', (message, expected) => {
  expect(cleanRuntimeMessage(message)).toBe(expected);
});

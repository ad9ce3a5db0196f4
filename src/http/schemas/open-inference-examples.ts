import type { ModelConfigBody, ModelMetadataBody } from './open-inference.ts';

export const METADATA_EXAMPLE: ModelMetadataBody = {
  name: 'cifar10-resnet14',
  versions: ['1'],
  platform: 'onnxruntime_onnx',
  inputs: [{ name: 'input', datatype: 'FP32', shape: [-1, 3, 32, 32] }],
  outputs: [
    { name: 'logits', datatype: 'FP32', shape: [-1, 10] },
    { name: 'static_logits', datatype: 'FP32', shape: [-1, 10] },
    { name: 'entropy', datatype: 'FP32', shape: [-1, -1] },
  ],
};

export const CONFIG_EXAMPLE: ModelConfigBody = {
  name: 'cifar10-resnet14',
  platform: 'onnxruntime_onnx',
  backend: 'onnxruntime',
  version_policy: { specific: { versions: [1] } },
  max_batch_size: 128,
  input: [{ name: 'input', data_type: 'TYPE_FP32', dims: [3, 32, 32] }],
  output: [
    { name: 'logits', data_type: 'TYPE_FP32', dims: [10] },
    { name: 'static_logits', data_type: 'TYPE_FP32', dims: [10] },
    { name: 'entropy', data_type: 'TYPE_FP32', dims: [-1] },
  ],
  dynamic_batching: {
    preferred_batch_size: [128],
    max_queue_delay_microseconds: 20_000,
    priority_levels: 3,
    default_priority_level: 2,
    default_queue_policy: {
      timeout_action: 'REJECT',
      default_timeout_microseconds: 30_000_000,
      allow_timeout_override: true,
      max_queue_size: 1024,
    },
  },
  model_transaction_policy: { decoupled: false },
  parameters: { default_recipe: { string_value: 'isolated' }, recipes: { string_value: 'isolated,static' } },
};

import type { InferRequestBody, InferResponseBody } from './infer.ts';
import type { ModelConfigBody, ModelMetadataBody } from './metadata.ts';
import type { ModelStatisticsBody } from './statistics.ts';

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
  parameters: {
    default_recipe: { string_value: 'brief' },
    recipes: { string_value: 'brief,isolated,static' },
  },
};

/** Valid for a model of 3 x 1 x 1 pixels. The input of a real model would fill pages. */
export const INFER_REQUEST_EXAMPLE: InferRequestBody = {
  id: 'frame-7',
  parameters: { recipe: 'isolated' },
  inputs: [{ name: 'input', shape: [1, 3, 1, 1], datatype: 'UINT8', data: [12, 34, 56] }],
  outputs: [{ name: 'logits' }],
};

export const INFER_RESPONSE_EXAMPLE: InferResponseBody = {
  model_name: 'colours',
  model_version: '1',
  id: 'frame-7',
  parameters: {
    recipe: 'isolated',
    applied: 'isolated',
    steps: 6,
    entropy_before: 1.02,
    entropy_after: 0.37,
    label_changes: 0,
    batch_id: 'b1c0f0a2-6a1f-4f0e-8f5d-3f6f4e0d2c11',
    batch_size: 87,
    queue_ms: 12.1,
    adapt_ms: 830.2,
  },
  outputs: [{ name: 'logits', datatype: 'FP32', shape: [1, 3], data: [-1.5, 0.25, 3] }],
};

export const STATISTICS_EXAMPLE: ModelStatisticsBody = {
  model_stats: [
    {
      name: 'cifar10-resnet14',
      version: '1',
      last_inference: 1_796_000_000_000,
      inference_count: 174,
      execution_count: 2,
      inference_stats: {
        success: { count: 3, ns: 2_544_000_000 },
        fail: { count: 0, ns: 0 },
        queue: { count: 3, ns: 36_000_000 },
        compute_input: { count: 3, ns: 1_200_000 },
        compute_infer: { count: 3, ns: 2_490_600_000 },
        compute_output: { count: 3, ns: 900_000 },
        cache_hit: { count: 0, ns: 0 },
        cache_miss: { count: 0, ns: 0 },
      },
      batch_stats: [
        {
          batch_size: 87,
          compute_input: { count: 0, ns: 0 },
          compute_infer: { count: 2, ns: 1_660_400_000 },
          compute_output: { count: 0, ns: 0 },
        },
      ],
    },
  ],
};

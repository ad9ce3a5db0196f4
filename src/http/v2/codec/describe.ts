import type { ModelSummary } from '../../../inference/inference.ts';
import { rowShape } from '../../../models/index.ts';
import type { DescribedVersion } from '../../../models/model.ts';
import type { ModelConfigBody, ModelMetadataBody } from '../schemas/metadata.ts';
import { inputType } from './images.ts';
import { outputsOf } from './outputs.ts';

/** Triton's name for models that ONNX Runtime runs. */
const PLATFORM = 'onnxruntime_onnx';
const BACKEND = 'onnxruntime';
const PRIORITY_LEVELS = 3;
const DEFAULT_PRIORITY_LEVEL = 2;

const microseconds = (ms: number): number => Math.round(ms * 1000);

/** The protocol's metadata of a model. */
export function modelMetadata(
  version: DescribedVersion,
  versions: ModelSummary['versions'],
  seesStatic: boolean,
): ModelMetadataBody {
  return {
    name: version.name,
    versions: versions.filter(({ state }) => state === 'ready').map((each) => String(each.version)),
    platform: PLATFORM,
    inputs: [
      {
        name: version.tensors.input,
        datatype: inputType(version),
        shape: [-1, ...rowShape(version.manifest.input)],
      },
    ],
    outputs: outputsOf(version, seesStatic).map(({ name, size }) => ({
      name,
      datatype: 'FP32',
      shape: [-1, size],
    })),
  };
}

/**
 * The configuration that Triton would have for this version. Load generators read from it how the model
 * batches.
 */
export function modelConfig(version: DescribedVersion, seesStatic: boolean): ModelConfigBody {
  const { batching, recipes, defaultRecipe, input } = version.manifest;
  return {
    name: version.name,
    platform: PLATFORM,
    backend: BACKEND,
    version_policy: { specific: { versions: [version.version] } },
    max_batch_size: batching.maxBatchSize,
    input: [
      { name: version.tensors.input, data_type: `TYPE_${inputType(version)}`, dims: [...rowShape(input)] },
    ],
    output: outputsOf(version, seesStatic).map(({ name, size }) => ({
      name,
      data_type: 'TYPE_FP32',
      dims: [size],
    })),
    dynamic_batching: {
      preferred_batch_size: [batching.maxBatchSize],
      max_queue_delay_microseconds: microseconds(batching.maxDelayMs),
      priority_levels: PRIORITY_LEVELS,
      default_priority_level: DEFAULT_PRIORITY_LEVEL,
      default_queue_policy: {
        timeout_action: 'REJECT',
        default_timeout_microseconds: microseconds(batching.timeoutMs),
        allow_timeout_override: true,
        max_queue_size: batching.queueLimit,
      },
    },
    model_transaction_policy: { decoupled: false },
    parameters: {
      default_recipe: { string_value: defaultRecipe },
      recipes: { string_value: Object.keys(recipes).join(',') },
      ...(version.reading && { reading: { string_value: JSON.stringify(version.reading) } }),
    },
  };
}

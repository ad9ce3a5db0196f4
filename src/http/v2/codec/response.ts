import type { RowsPrediction } from '../../../inference/inference.ts';
import { rows as rowsOf, type Tensor } from '../../../tensor.ts';
import type { InferResponseBody } from '../schemas/infer.ts';
import type { WantedOutput } from './outputs.ts';
import type { InferCall } from './request.ts';

/** The answer to an infer request as it is sent. */
export interface InferAnswer {
  readonly body: Buffer;
  /** Length of the JSON in bytes, where binary tensors follow it. */
  readonly headerLength?: number;
}

type OutputTensor = InferResponseBody['outputs'][number];
interface WrittenOutput {
  readonly described: OutputTensor;
  readonly bytes?: Buffer;
}

/** `value:index:label` of the `count` largest numbers of a row, the largest first, as Triton writes them. */
function topOf(row: Float32Array, labels: readonly string[], count: number): string[] {
  return Array.from(row.keys())
    .sort((a, b) => row[b]! - row[a]! || a - b)
    .slice(0, count)
    .map((index) => `${row[index]!.toFixed(6)}:${index}:${labels[index]}`);
}

function classify(tensor: Tensor<'float32'>, labels: readonly string[], count: number): string[] {
  const [rows = 0] = tensor.dims;
  return Array.from({ length: rows }, (_, i) => topOf(rowsOf(tensor, i, i + 1).data, labels, count)).flat();
}

/** Each text after its length (uint32, little-endian). */
function textBytes(texts: readonly string[]): Buffer {
  return Buffer.concat(
    texts.flatMap((text) => {
      const bytes = Buffer.from(text);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(bytes.length);
      return [length, bytes];
    }),
  );
}

const floatBytes = ({ buffer, byteOffset, byteLength }: Float32Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);

/** An output with its data in the JSON, or in bytes behind it. */
function place(
  head: Pick<OutputTensor, 'name' | 'datatype' | 'shape'>,
  binary: boolean,
  data: () => (number | string)[],
  bytes: () => Buffer,
): WrittenOutput {
  if (!binary) return { described: { ...head, data: data() } };
  const placed = bytes();
  return { described: { ...head, parameters: { binary_data_size: placed.length } }, bytes: placed };
}

function writeOutput(
  prediction: RowsPrediction,
  labels: readonly string[],
  { spec: { name, kind }, binary, classes }: WantedOutput,
): WrittenOutput {
  const tensor = prediction[kind];
  if (classes === 0) {
    const head = { name, datatype: 'FP32', shape: [...tensor.dims] };
    return place(
      head,
      binary,
      () => Array.from(tensor.data),
      () => floatBytes(tensor.data),
    );
  }
  const texts = classify(tensor, labels, classes);
  const head = { name, datatype: 'BYTES', shape: [tensor.dims[0]!, classes] };
  return place(
    head,
    binary,
    () => texts,
    () => textBytes(texts),
  );
}

/** A busy machine's clock is not more exact than microseconds. */
const milliseconds = (value: number): number => Math.round(value * 1000) / 1000;

const writeParameters = (
  prediction: RowsPrediction,
  seesStatic: boolean,
): InferResponseBody['parameters'] => ({
  recipe: prediction.recipe,
  applied: prediction.applied.join(','),
  steps: prediction.steps,
  entropy_after: prediction.entropyAfter,
  ...(seesStatic && { entropy_before: prediction.entropyBefore, label_changes: prediction.labelChanges }),
  batch_id: prediction.batches.map(({ id }) => id).join(','),
  batch_size: Math.min(...prediction.batches.map(({ size }) => size)),
  queue_ms: milliseconds(prediction.queueMs),
  adapt_ms: milliseconds(prediction.runMs),
});

/** Writes the answer to a request, with its id and the wanted outputs. */
export function writeAnswer(
  prediction: RowsPrediction,
  labels: readonly string[],
  { id, outputs, seesStatic }: Pick<InferCall, 'id' | 'outputs' | 'seesStatic'>,
): InferAnswer {
  const written = outputs.map((output) => writeOutput(prediction, labels, output));
  const header: InferResponseBody = {
    model_name: prediction.model.name,
    model_version: String(prediction.model.version),
    id,
    parameters: writeParameters(prediction, seesStatic),
    outputs: written.map(({ described }) => described),
  };
  const json = Buffer.from(JSON.stringify(header));
  const tensors = written.flatMap(({ bytes }) => bytes ?? []);
  if (tensors.length === 0) return { body: json };
  return { body: Buffer.concat([json, ...tensors]), headerLength: json.length };
}

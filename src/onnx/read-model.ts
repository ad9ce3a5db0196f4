import { dirname, relative, resolve, sep } from 'node:path';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { InputError, systemReason } from '../errors.ts';
import { readRegularFile } from '../regular-file.ts';
import { MAX_MODEL_BYTES } from './encode.ts';
import {
  type ModelProto,
  ModelProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
} from './proto/onnx_pb.ts';

/**
 * Reads a model as the bytes of one file. Weights in files beside it (external data, as torch's newer
 * exporter writes them) are brought in. Bytes that are no model come back as they are, for the decoder to
 * judge. Rejects with `InputError` where the file of the weights cannot be read or lies outside of the
 * model's folder, and with the file system's error for `path`.
 */
export async function readModel(path: string): Promise<Uint8Array> {
  const bytes = await readRegularFile(path);
  // Only external data has this word in its description, and most models have no external data.
  if (!bytes.includes('location')) return bytes;
  const model = parsed(bytes);
  const outside = (model?.graph?.initializer ?? []).filter(isExternal);
  if (!model || outside.length === 0) return bytes;
  await bringIn(outside, dirname(path));
  return toBinary(ModelProtoSchema, model);
}

/**
 * The files beside a model that hold its weights, as paths from its folder. Rejects with `InputError` where
 * one lies outside of the folder, and with the file system's error for `path`.
 */
export async function weightFiles(path: string): Promise<string[]> {
  const bytes = await readRegularFile(path);
  const outside = (parsed(bytes)?.graph?.initializer ?? []).filter(isExternal);
  const folder = dirname(path);
  const files = outside.map((tensor) => {
    const location = tensor.externalData.find(({ key }) => key === 'location')?.value ?? '';
    return relative(folder, insideOf(folder, location, tensor));
  });
  return [...new Set(files)];
}

function parsed(bytes: Uint8Array): ModelProto | undefined {
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch {
    return undefined;
  }
}

const isExternal = ({ dataLocation }: TensorProto): boolean =>
  dataLocation === TensorProto_DataLocation.EXTERNAL;

async function bringIn(tensors: readonly TensorProto[], folder: string): Promise<void> {
  const files = new Map<string, Uint8Array>();
  let total = 0;
  for (const tensor of tensors) {
    const place = Object.fromEntries(tensor.externalData.map(({ key, value }) => [key, value]));
    const path = insideOf(folder, place.location ?? '', tensor);
    const file = files.get(path) ?? (await contents(path, tensor));
    files.set(path, file);
    const offset = Number(place.offset ?? 0);
    const length = Number(place.length ?? file.length - offset);
    if (!(offset >= 0 && length >= 0 && offset + length <= file.length)) {
      throw new InputError(
        `The initializer "${tensor.name}" is kept at bytes ${offset} to ${offset + length} of ${path}, which has ${file.length}; copy both files again, or save the model as one file.`,
      );
    }
    total += length;
    tensor.rawData = file.subarray(offset, offset + length);
    tensor.dataLocation = TensorProto_DataLocation.DEFAULT;
    tensor.externalData = [];
  }
  if (total > MAX_MODEL_BYTES) {
    throw new InputError(
      `The model holds ${(total / 2 ** 30).toFixed(1)} GiB of weights; an ONNX file, and so what it is compiled to, ends at 2 GiB. Give a smaller model.`,
    );
  }
}

function insideOf(folder: string, location: string, { name }: TensorProto): string {
  const path = resolve(folder, location);
  const way = relative(folder, path);
  if (way === '' || way.split(sep)[0] === '..') {
    throw new InputError(
      `The initializer "${name}" is kept in "${location}", outside of the model's folder; save the model anew, with its weights beside it or inside.`,
    );
  }
  return path;
}

async function contents(path: string, { name }: TensorProto): Promise<Uint8Array> {
  try {
    return await readRegularFile(path);
  } catch (cause) {
    throw new InputError(
      `The initializer "${name}" is kept in ${path}, which cannot be read (${systemReason(cause)}); put that file beside the model, or save the model as one file.`,
      { cause },
    );
  }
}

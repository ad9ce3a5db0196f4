import { type Command, Option } from 'commander';
import { COMMON_IMAGE_SIZE } from '../dent/index.ts';
import { InputError } from '../errors.ts';
import { readModel } from '../onnx/index.ts';
import { fileError, naming } from './file-error.ts';
import { wholeNumber } from './whole-number.ts';

/** A model as its file holds it, with what it keeps in files beside it. */
export interface ModelFile {
  /** As it was given. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Rejects with `InputError` naming the file. */
export async function readModelFile(path: string): Promise<ModelFile> {
  try {
    return { path, bytes: await naming(path, readModel(path)) };
  } catch (error) {
    throw error instanceof InputError ? error : fileError(path, 'read', error);
  }
}

export interface SizeOption {
  readonly size: number;
}

/** Adds `--size`, for models that take images of any size. */
export function addSizeOption(command: Command): Command {
  return command.addOption(
    new Option('--size <pixels>', 'height and width to assume where the model leaves them open')
      .argParser(wholeNumber(1, 8192))
      .default(COMMON_IMAGE_SIZE),
  );
}

/** Channels, height and width to assume where the model leaves them open. */
export const assumedShape = ({ size }: SizeOption): readonly [number, number, number] => [3, size, size];

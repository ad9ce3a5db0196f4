import { type Command, InvalidArgumentError, Option } from 'commander';
import { COMMON_IMAGE_SIZE, type CompileOptions } from '../dent/index.ts';
import { InputError, naming } from '../errors.ts';
import { readModel } from '../onnx/index.ts';
import { fileError } from './file-error.ts';

/** The contents of a model's file, including weights in files beside it. */
export interface ModelFile {
  /** The path as the user gave it. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Rejects with `InputError` naming the file. */
export async function readModelFile(path: string): Promise<ModelFile> {
  try {
    return { path, bytes: await naming(path, () => readModel(path)) };
  } catch (error) {
    throw error instanceof InputError ? error : fileError(path, 'read', error);
  }
}

export interface SizeOption {
  readonly size?: ImageSize;
}

type ImageSize = readonly [height: number, width: number];

export const COMMON_SIZE: ImageSize = [COMMON_IMAGE_SIZE, COMMON_IMAGE_SIZE];
const LARGEST_SIZE = 8192;

function parseSize(text: string): ImageSize {
  const [height = Number.NaN, width = height] = text.split('x').map(Number);
  const isSize = (n: number): boolean => Number.isInteger(n) && n >= 1 && n <= LARGEST_SIZE;
  if (/^\d+(x\d+)?$/.test(text) && isSize(height) && isSize(width)) return [height, width];
  throw new InvalidArgumentError(
    `It must be a height and width of 1 to ${LARGEST_SIZE} pixels, such as 224 or 224x320.`,
  );
}

const OUTPUT_MEANING = "the model's output that holds the logits, where it has several";

/** Adds `--output`, for commands that write no file. */
export const addOutputOption = (command: Command): Command =>
  command.option('--output <name>', OUTPUT_MEANING);

/** The same under another name, for commands whose `--output` is a file. */
export const addModelOutputOption = (command: Command): Command =>
  command.option('--model-output <name>', OUTPUT_MEANING);

/** Adds `--size`, for models that take images of any size. `without` says what happens without it. */
export function addSizeOption(command: Command, without: string): Command {
  return command.addOption(
    new Option(
      '--size <HxW>',
      `height and width, or one number for both, where the model leaves them open (default: ${without})`,
    ).argParser(parseSize),
  );
}

/** The options for the compiler. `output` is the name of the output that holds the logits. */
export const compilerHints = (size: ImageSize | undefined, output: string | undefined): CompileOptions => ({
  ...(size && { imageShape: [undefined, ...size] }),
  ...(output !== undefined && { output }),
});

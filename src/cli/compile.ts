import { Command, Option } from 'commander';
import { compile } from '../dent/index.ts';
import type { Device } from '../engine/index.ts';
import { naming } from '../errors.ts';
import { addPrecisionOption, type PrecisionOption } from './engine-options.ts';
import {
  addModelOutputOption,
  addSizeOption,
  compilerHints,
  readModelFile,
  type SizeOption,
} from './model-file.ts';
import { printReading } from './print-reading.ts';
import { timed } from './progress.ts';
import { addRecipeOptions, recipeFromOptions } from './recipe-options.ts';
import { withEngine } from './with-engine.ts';
import { checkWritable, writeWhole } from './write-file.ts';

interface CompileOptions extends SizeOption, PrecisionOption, Readonly<Record<string, unknown>> {
  readonly output: string;
  readonly modelOutput?: string;
  readonly device: Device;
}

const BYTES_PER_MEGABYTE = 1e6;

async function compileFile(modelPath: string, options: CompileOptions): Promise<void> {
  const started = performance.now();
  const { output, device: target, precision } = options;
  const recipe = recipeFromOptions(options);
  await checkWritable(output);
  const { bytes: model } = await readModelFile(modelPath);
  // The compiler asks ONNX Runtime one question after the other.
  const { bytes, layers, parameters, reading } = await timed(`compiling ${modelPath}`, () =>
    withEngine({ device: 'cpu', threads: 1 }, (engine) =>
      naming(modelPath, () =>
        compile(model, recipe, engine, {
          ...compilerHints(options.size, options.modelOutput),
          target,
          ...(precision === 'fp16' && { activations: precision }),
        }),
      ),
    ),
  );
  await writeWhole(output, bytes);
  const size = (bytes.length / BYTES_PER_MEGABYTE).toFixed(1);
  const seconds = ((performance.now() - started) / 1000).toFixed(2);
  printReading(modelPath, reading);
  process.stdout.write(
    `${output}: ${layers} layers, ${parameters} parameters adapted, ${size} MB, ${seconds} s\n`,
  );
}

/** `dent compile`: writes the self-adapting graph of a model. */
export function compileCommand(): Command {
  const command = new Command('compile')
    .description(
      'Write the graph of a model that adapts itself to each batch. Any ONNX Runtime runs it; docs/commands.md lists its inputs and outputs.',
    )
    .argument('<model.onnx>', 'an image classifier')
    .requiredOption('-o, --output <out.onnx>', 'the file to write')
    .addOption(
      new Option('--device <device>', 'what the graph is written for')
        .choices(['cpu', 'cuda'])
        .default('cpu'),
    );
  addPrecisionOption(addSizeOption(addModelOutputOption(command), 'they stay open'));
  return addRecipeOptions(command).action(compileFile);
}

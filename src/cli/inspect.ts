import { Command } from 'commander';
import { type DescribedValue, type Inspection, inspect } from '../dent/index.ts';
import { naming } from './file-error.ts';
import { addSizeOption, assumedShape, readModelFile, type SizeOption } from './model-file.ts';
import { formatTable } from './table.ts';
import { withEngine } from './with-engine.ts';

interface InspectOptions extends SizeOption {
  readonly json?: boolean;
}

function valueLine(kind: string, { name, type = 'unknown', shape }: DescribedValue): string {
  return `${kind} ${name}: ${type} ${shape === undefined ? 'of any shape' : `[${shape.join(', ')}]`}\n`;
}

function layerTable({ layers }: Inspection): string {
  const rows = layers.map(({ name, kind, channels, adapted, reason }) => [
    name,
    kind,
    channels === undefined ? '?' : String(channels),
    adapted ? 'yes' : reason === undefined ? 'no' : `no, ${reason}`,
  ]);
  return formatTable([['layer', 'kind', 'channels', 'adapted'], ...rows]);
}

const CHANNELS_LAST = 'images are [N, H, W, C] here; the compiled graph takes [N, C, H, W]\n';

const BARE_CONVOLUTIONS =
  'No normalisation layer is left, so each convolution gets a scale of 1 and a shift of 0 behind it to adapt.\n';

function report(path: string, found: Inspection): string {
  const { opset, producer, inputs, outputs, classes, removed, layers, parameters, unsupported } = found;
  const adapted = layers.filter((layer) => layer.adapted).length;
  return [
    `${path}: opset ${opset}, written by ${producer || 'an unknown program'}\n`,
    ...inputs.map((value) => valueLine('input', value)),
    ...(found.channelsLast ? [CHANNELS_LAST] : []),
    ...outputs.map((value) => valueLine('output', value)),
    ...(classes === undefined ? [] : [`classes: ${classes}\n`]),
    ...(removed === undefined ? [] : [`taken off: ${removed}, so that the output becomes logits\n`]),
    layers.length === 0 ? 'no normalisation layers\n' : `\n${layerTable(found)}\n`,
    ...(layers.some(({ kind }) => kind === 'convolution') ? [BARE_CONVOLUTIONS] : []),
    `layers adapted: ${adapted}, parameters: ${parameters}\n`,
    ...(unsupported.length === 0
      ? ['The model can be adapted.\n']
      : ['The model cannot be adapted:\n', ...unsupported.map((sentence) => `- ${sentence}\n`)]),
  ].join('');
}

async function inspectFile(path: string, options: InspectOptions): Promise<void> {
  const { bytes } = await readModelFile(path);
  const found = await withEngine({ device: 'cpu', threads: 1 }, (engine) =>
    naming(path, inspect(bytes, engine, { imageShape: assumedShape(options) })),
  );
  const text = options.json ? `${JSON.stringify({ model: path, ...found }, null, 2)}\n` : report(path, found);
  process.stdout.write(text);
}

/** `dent inspect`: what a model is, and what of it can be adapted. */
export function inspectCommand(): Command {
  const command = new Command('inspect')
    .description('Show what a model takes and gives, what of it can be adapted, and what stands in the way.')
    .argument('<model.onnx>', 'the model')
    .option('--json', 'print one JSON object');
  return addSizeOption(command).action(inspectFile);
}

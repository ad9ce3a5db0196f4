import { Command } from 'commander';
import { type DescribedValue, type Inspection, inspect, readingLines } from '../dent/index.ts';
import { naming, printable } from '../errors.ts';
import {
  addOutputOption,
  addSizeOption,
  COMMON_SIZE,
  compilerHints,
  readModelFile,
  type SizeOption,
} from './model-file.ts';
import { timed } from './progress.ts';
import { formatTable } from './table.ts';
import { withEngine } from './with-engine.ts';

interface InspectOptions extends SizeOption {
  readonly output?: string;
  readonly json?: boolean;
}

function valueLine(kind: string, { name, type = 'unknown', shape }: DescribedValue): string {
  return `${kind} ${printable(name)}: ${type} ${shape === undefined ? 'of any shape' : `[${shape.join(', ')}]`}\n`;
}

function layerTable({ layers }: Inspection): string {
  const rows = layers.map(({ name, kind, channels, adapted, reason }) => [
    printable(name),
    kind,
    channels === undefined ? '?' : String(channels),
    adapted ? 'yes' : reason === undefined ? 'no' : `no, ${reason}`,
  ]);
  return formatTable([['layer', 'kind', 'channels', 'adapted'], ...rows]);
}

const CHANNELS_LAST = 'images are [N, H, W, C] here; the compiled graph takes [N, C, H, W]\n';

const BARE_CONVOLUTIONS =
  'No normalisation layer can be adapted, so each convolution gets a scale of 1 and a shift of 0 behind it.\n';

/** How the report writes a size that the file leaves open. */
const OPEN_SIZE =
  'height and width are open in the file; a manifest, an array or --size names them, and this report is for these\n';

function readingReport({ inputs, channelsLast, reading }: Inspection): string[] {
  if (reading === undefined) return channelsLast ? [CHANNELS_LAST] : [];
  const isOpen = inputs[0]?.shape?.slice(1).some((size) => typeof size !== 'number') ?? true;
  return [
    ...readingLines(reading).map((line) => `${line}\n`),
    ...(isOpen ? [OPEN_SIZE] : []),
    ...reading.warnings.map((warning) => `warning: ${warning}\n`),
  ];
}

function report(path: string, found: Inspection): string {
  const { opset, producer, inputs, outputs, layers, parameters, unsupported } = found;
  const adapted = layers.filter((layer) => layer.adapted).length;
  return [
    `${path}: opset ${opset}, written by ${producer || 'an unknown program'}\n`,
    ...inputs.map((value) => valueLine('input', value)),
    ...outputs.map((value) => valueLine('output', value)),
    ...readingReport(found),
    layers.length === 0 ? 'no normalisation layers\n' : `\n${layerTable(found)}\n`,
    ...(layers.some(({ kind }) => kind === 'convolution') ? [BARE_CONVOLUTIONS] : []),
    `layers adapted: ${adapted}, parameters: ${parameters}\n`,
    ...(unsupported.length === 0
      ? ['The model can be adapted.\n']
      : ['The model cannot be adapted:\n', ...unsupported.map((sentence) => `- ${sentence}\n`)]),
  ].join('');
}

async function inspectFile(path: string, options: InspectOptions): Promise<void> {
  const { size = COMMON_SIZE, output } = options;
  const { bytes } = await readModelFile(path);
  const found = await timed(`inspecting ${path}`, () =>
    withEngine({ device: 'cpu', threads: 1 }, (engine) =>
      naming(path, () => inspect(bytes, engine, compilerHints(size, output))),
    ),
  );
  const text = options.json ? `${JSON.stringify({ model: path, ...found }, null, 2)}\n` : report(path, found);
  process.stdout.write(text);
  if (found.unsupported.length > 0) process.exitCode = 1;
}

/** `dent inspect`: what a model is, and which part of it can be adapted. */
export function inspectCommand(): Command {
  const command = new Command('inspect')
    .description(
      "Show a model's input and output, which parts can be adapted, and what prevents the rest. Exits with 1 if it cannot be adapted.",
    )
    .argument('<model.onnx>', 'the model')
    .option('--json', 'print one JSON object');
  return addSizeOption(addOutputOption(command), '224').action(inspectFile);
}

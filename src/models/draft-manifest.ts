import type { InputScaling, Inspection, Reading } from '../dent/index.ts';
import { InputError } from '../errors.ts';
import { classNames } from './class-names.ts';

/** A manifest for a model's file, and notes on what the file did not say. */
export interface ManifestDraft {
  readonly manifest: Readonly<Record<string, unknown>>;
  /** One line each: the assumption, its reason, and what to write instead. */
  readonly guesses: readonly string[];
  /** One line each on facts from the file itself. */
  readonly findings: readonly string[];
}

export interface DraftOptions {
  readonly description: string;
  readonly scaling: InputScaling | undefined;
  /** The output that holds the logits, where the user has named it. */
  readonly output?: string | undefined;
}

type Fields = Readonly<Record<string, unknown>>;
interface Part {
  readonly fields: Fields;
  readonly guesses?: readonly string[];
  readonly findings?: readonly string[];
}

const IMAGENET = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
/** Networks for smaller images are mostly like CIFAR's, which have no such convention. */
const IMAGENET_FROM_PIXELS = 64;

const BYTE = 1 / 255;

function sizeOf({ inputs, reading }: Inspection & { readonly reading: Reading }): Part {
  const { height, width, layout } = reading.input;
  const written = inputs[0]?.shape?.slice(layout === 'NCHW' ? 2 : 1).slice(0, 2) ?? [];
  const fields = { width, height };
  if (written.length === 2 && written.every((size) => typeof size === 'number')) return { fields };
  return {
    fields,
    guesses: [
      `input.width and input.height are ${width} and ${height}: the file leaves them open; --size says another.`,
    ],
  };
}

function channelsOf(channels: number): Part {
  if (channels === 1) return { fields: { channels: 'gray' } };
  if (channels !== 3 && channels !== -1) {
    throw new InputError(
      `The model takes images of ${channels} channels; dent-serve makes images of 1 (gray) or 3 (rgb, bgr).`,
    );
  }
  const guess =
    'input.channels is "rgb": a file does not say the order; write "bgr" where the model was trained on images that OpenCV read.';
  return { fields: { channels: 'rgb' }, guesses: [guess] };
}

const rounded = (values: readonly number[]): string =>
  values.map((value) => Number(value.toPrecision(4))).join(', ');

/** Where the graph scales by itself, the manifest only gives the range of pixels that it expects. */
function scaledInside({ factor, offset }: InputScaling): Part {
  // Scaled pixels span a few units, so a small factor means pixels up to 255.
  const isByte = factor.every((each) => Math.abs(each) < 0.1);
  const range = isByte ? '0 to 255' : '0 to 1';
  return {
    fields: { scale: isByte ? 1 : BYTE },
    findings: [
      `The graph scales pixels itself (times ${rounded(factor)} plus ${rounded(offset)}), which fits pixels of ${range}: there is no mean and std.`,
    ],
  };
}

function scaleOf(
  inspection: Inspection,
  { scaling }: DraftOptions,
  part: { type: string; channels: number; pixels: number },
): Part {
  // Before what the graph makes of them: bytes can be nothing but pixels of 0 to 255.
  if (part.type === 'uint8') {
    return { fields: { scale: 1 }, findings: ['The input is uint8, so pixels go in as they are, 0 to 255.'] };
  }
  if (scaling) return scaledInside(scaling);
  // Ultralytics' classifiers take unnormalised pixels.
  if (inspection.metadata.author === 'Ultralytics')
    return {
      fields: { scale: BYTE },
      findings: ['Ultralytics wrote the file: its classifiers take pixels of 0 to 1.'],
    };
  const wrong =
    'Wrong numbers give wrong answers and no error: ask `dent predict --recipe static` about an image whose label you know.';
  if (part.channels === 1 || part.pixels < IMAGENET_FROM_PIXELS) {
    const guess = `input.scale is 1/255, without mean and std: the graph does not normalise, and the file does not say what it was trained on. ${wrong}`;
    return { fields: { scale: BYTE }, guesses: [guess] };
  }
  const guess = `input.mean and input.std are those of ImageNet, as the graph does not normalise: write those of the training run, or take them out where it took pixels of 0 to 1. ${wrong}`;
  return { fields: { scale: BYTE, ...IMAGENET }, guesses: [guess] };
}

function labelsOf(inspection: Inspection, classes: number): Part {
  const names = classNames(inspection);
  if (names)
    return {
      fields: { labels: names },
      findings: [`The labels are those in the file: ${names.slice(0, 3).join(', ')}, …`],
    };
  return {
    fields: { labels: Array.from({ length: classes }, (_, i) => `class ${i}`) },
    guesses: [
      `labels are "class 0" to "class ${classes - 1}": the file has no names; write them in the order of the model's outputs.`,
    ],
  };
}

/**
 * Where there are several outputs, the chosen one is written down, so that another export does not change it
 * unnoticed.
 */
function outputOf({ output }: Reading, named: string | undefined): Part {
  if (named !== undefined) return { fields: { output: named } };
  if (output.leftOut.length === 0) return { fields: {} };
  const guess = `output is "${output.name}", and not ${output.leftOut.join(', ')}: by its shape and place it is the one that classifies; --output says another.`;
  return { fields: { output: output.name }, guesses: [guess] };
}

/** A model that cannot be adapted can still be served as it is. */
function recipesOf({ unsupported }: Inspection): Part {
  if (unsupported.length === 0) {
    return {
      fields: {
        recipes: { isolated: { preset: 'isolated' }, static: { preset: 'static' } },
        defaultRecipe: 'isolated',
      },
    };
  }
  return {
    fields: { recipes: { static: { preset: 'static' } }, defaultRecipe: 'static' },
    findings: ['The model cannot be adapted, so "static" is its only recipe:', ...unsupported],
  };
}

/**
 * A manifest for the model that `inspection` describes. Throws `InputError` where it is no classifier of
 * images that the service can make.
 */
export function draftManifest(inspection: Inspection, options: DraftOptions): ManifestDraft {
  const { reading, classes, unsupported } = inspection;
  if (!reading || classes === undefined) throw new InputError(unsupported);
  const { input } = reading;
  const size = sizeOf({ ...inspection, reading });
  const fit: Part = {
    fields: { fit: 'cover' },
    guesses: [
      'input.fit is "cover", which cuts the middle out of an image that is not of this shape; "contain" pads it, "fill" stretches it.',
    ],
  };
  const pixels = size.fields.width as number;
  const inputs = [size, channelsOf(input.channels), scaleOf(inspection, options, { ...input, pixels }), fit];
  const labels = labelsOf(inspection, classes);
  const output = outputOf(reading, options.output);
  const recipes = recipesOf(inspection);
  const parts = [...inputs, output, labels, recipes];
  return {
    manifest: {
      description: options.description,
      ...output.fields,
      input: Object.assign({}, ...inputs.map(({ fields }) => fields)) as Fields,
      ...recipes.fields,
      ...labels.fields,
    },
    guesses: parts.flatMap(({ guesses = [] }) => guesses),
    findings: [...parts.flatMap(({ findings = [] }) => findings), ...reading.warnings],
  };
}

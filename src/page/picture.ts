import { type ModelInput, Refusal } from './api.ts';
import { apply, type Effects, isUntouched } from './effects.ts';
import { megabytes } from './format.ts';
import { gridOf, resample } from './grid.ts';

/** A picture that a person has chosen. */
export interface Picture {
  readonly name: string;
  readonly bitmap: ImageBitmap;
  /** What it shows, where that is known. */
  readonly shows?: string;
  /** Of an example: its file as it is, and where that can be fetched. */
  readonly example?: { readonly file: Blob; readonly url: string };
  /** The model's own pixels of it, where they are not simply those of the bitmap, only smaller. */
  readonly pixels?: ImageData;
  /** What an attack has added, ten times enlarged. */
  readonly difference?: HTMLCanvasElement;
  /** What the person should know of it. */
  readonly note?: string;
}

/** Of pictures with more pixels the rest would be thrown away by the model anyway. */
const LONGEST_SIDE = 320;
/** For models that see more than that. */
const PER_MODEL_PIXEL = 2;
const LARGE_BYTES = 10e6;

const HEIC_BRANDS = /^ftyp(hei[cmsx]|hev[cmsx]|mif1|msf1)/;

const isHeic = async (file: Blob): Promise<boolean> =>
  HEIC_BRANDS.test(new TextDecoder('latin1').decode(await file.slice(4, 12).arrayBuffer()));

const HEIC =
  'This is a HEIC photograph, as iPhones take them, which neither this browser nor the server reads. Save it as JPEG first: on an iPhone choose Settings, Camera, Formats, Most Compatible; on a Mac export it from Preview.';

/** Rejects with `Refusal` where the file cannot be shown. */
export async function openPicture(name: string, file: Blob): Promise<Picture> {
  try {
    const bitmap = await createImageBitmap(file);
    const isLarge = file.size > LARGE_BYTES;
    const note = `This file has ${megabytes(file.size)}. The page sends only the pixels that the model sees of it.`;
    return { name, bitmap, ...(isLarge && { note }) };
  } catch {
    if (await isHeic(file)) throw new Refusal({ says: HEIC });
    const says = `The browser cannot read "${name}" as a picture. JPEG, PNG, WebP and AVIF are read; a very large one may need more memory than there is.`;
    throw new Refusal({ says });
  }
}

export async function openExample({ name, shows, url }: (typeof EXAMPLES)[number]): Promise<Picture> {
  const reply = await fetch(url);
  if (!reply.ok)
    throw new Refusal({ says: `The example "${name}" is not there any more: load this page again.` });
  const file = await reply.blob();
  return { ...(await openPicture(name, file)), shows, example: { file, url } };
}

export interface Drawn {
  /** As a person sees it. */
  readonly canvas: HTMLCanvasElement;
  /** The pixels that are left of it for the model. */
  readonly small: HTMLCanvasElement;
  /** What is posted. */
  readonly blob: () => Promise<Blob>;
  /** Whether that is the example's own file. */
  readonly isOriginal: boolean;
}

export const context = (canvas: HTMLCanvasElement): CanvasRenderingContext2D => {
  const found = canvas.getContext('2d', { willReadFrequently: true });
  if (found === null) throw new Error('No canvas.');
  found.imageSmoothingQuality = 'high';
  return found;
};

export function canvasOf(width: number, height: number): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(width));
  canvas.height = Math.max(1, Math.round(height));
  return canvas;
}

export const pngOf = (canvas: HTMLCanvasElement): Promise<Blob> =>
  new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('No PNG.'))), 'image/png');
  });

/** Of how many pixels a picture is looked at, at most, where the model sees `input`. */
const longestSide = ({ width, height }: ModelInput): number =>
  Math.max(LONGEST_SIDE, PER_MODEL_PIXEL * Math.max(width, height));

/** The picture with its effects. They are the model's pixels' own, and are the same in both sizes. */
export function draw(
  { bitmap, example, pixels: given }: Picture,
  { effects, seed }: { readonly effects: Effects; readonly seed: number },
  input: ModelInput,
): Drawn {
  const shrink = Math.min(1, longestSide(input) / Math.max(bitmap.width, bitmap.height));
  const canvas = canvasOf(bitmap.width * shrink, bitmap.height * shrink);
  const { width, height } = canvas;
  const drawing = context(canvas);
  // As the server sees transparent parts.
  drawing.fillStyle = '#fff';
  drawing.fillRect(0, 0, width, height);
  drawing.drawImage(bitmap, 0, 0, width, height);
  const pixels = drawing.getImageData(0, 0, width, height);
  const small = canvasOf(input.width, input.height);
  const fits = given?.width === input.width && given.height === input.height;
  const own = fits ? new ImageData(given.data.slice(), given.width) : pixelsForModel(pixels, input);
  if (!isUntouched(effects)) {
    const isGrey = input.channels === 'gray';
    apply(effects, pixels, { grid: gridOf(pixels, input), seed, isGrey });
    drawing.putImageData(pixels, 0, 0);
    apply(effects, own, { grid: gridOf(own, input), seed, isGrey });
  }
  context(small).putImageData(own, 0, 0);
  const isOriginal = example !== undefined && isUntouched(effects);
  return { canvas, small, blob: async () => (isOriginal ? example.file : pngOf(small)), isOriginal };
}

function pixelsForModel(pixels: ImageData, input: ModelInput): ImageData {
  const own = new ImageData(input.width, input.height);
  const values = resample(pixels, gridOf(pixels, input), input);
  for (let i = 0; i < input.width * input.height; i++) {
    const [r, g, b] = values.subarray(3 * i, 3 * i + 3) as unknown as [number, number, number];
    const grey = 0.299 * r + 0.587 * g + 0.114 * b;
    own.data.set(input.channels === 'gray' ? [grey, grey, grey, 255] : [r, g, b, 255], 4 * i);
  }
  return own;
}

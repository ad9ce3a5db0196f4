import { type AttackOptions, type Model, pixelsForModel } from './api.ts';
import { eachSquare, gridOf } from './grid.ts';
import { canvasOf, context, type Drawn, type Picture } from './picture.ts';

const ENLARGED = 10;
const GREY = 128;

async function pixelsOf(png: Blob): Promise<ImageData> {
  const bitmap = await createImageBitmap(png);
  const canvas = canvasOf(bitmap.width, bitmap.height);
  context(canvas).drawImage(bitmap, 0, 0);
  return context(canvas).getImageData(0, 0, canvas.width, canvas.height);
}

/** What has to be added to `before` to get `after`, ten times enlarged around grey. */
function differenceOf(before: ImageData, after: ImageData): HTMLCanvasElement {
  const canvas = canvasOf(after.width, after.height);
  const shown = new ImageData(after.data.slice(), after.width);
  for (let i = 0; i < shown.data.length; i++) {
    if (i % 4 < 3) shown.data[i] = GREY + ENLARGED * (after.data[i]! - before.data[i]!);
  }
  context(canvas).putImageData(shown, 0, 0);
  return canvas;
}

/** The picture as a person sees it, with what was added to each of the model's pixels. */
function withDifference({ canvas }: Drawn, model: Model, before: ImageData, after: ImageData): ImageData {
  const pixels = context(canvas).getImageData(0, 0, canvas.width, canvas.height);
  const isInside = (column: number, row: number): boolean =>
    column >= 0 && row >= 0 && column < after.width && row < after.height;
  eachSquare(pixels, gridOf(pixels, model.input), 1, ({ column, row, places }) => {
    if (!isInside(column, row)) return;
    for (let c = 0; c < 3; c++) {
      const at = 4 * (row * after.width + column) + c;
      for (const place of places) pixels.data[place + c]! += after.data[at]! - before.data[at]!;
    }
  });
  return pixels;
}

/** Has the server attack the picture as it is drawn now. */
export async function attackedPicture(
  model: Model,
  { name, shows }: Picture,
  drawn: Drawn,
  options: AttackOptions,
): Promise<Picture> {
  const image = await drawn.blob();
  const before = await pixelsOf(await pixelsForModel(model, image, { eps: 0 }));
  const pixels = await pixelsOf(await pixelsForModel(model, image, options));
  return {
    name: `${name}, attacked`,
    bitmap: await createImageBitmap(withDifference(drawn, model, before, pixels)),
    pixels,
    ...(shows !== undefined && { shows }),
    difference: differenceOf(before, pixels),
  };
}

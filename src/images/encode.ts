import sharp, { type Sharp } from 'sharp';

/** Planar pixels in [0, 1], [channels, height, width], of one or three channels. */
export interface Planar {
  readonly data: Float32Array;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

const asByte = (value: number): number => Math.round(255 * Math.min(1, Math.max(0, value)));

function toSharp({ data, channels, height, width }: Planar): Sharp {
  const size = height * width;
  const bytes = new Uint8Array(data.length);
  for (let i = 0; i < size; i++) {
    for (let c = 0; c < channels; c++) bytes[i * channels + c] = asByte(data[c * size + i]!);
  }
  return sharp(bytes, { raw: { width, height, channels: channels === 1 ? 1 : 3 } });
}

/** The picture as a PNG file. */
export const toPng = (picture: Planar): Promise<Buffer> => toSharp(picture).png().toBuffer();

/** What is left of the picture when it has been saved as JPEG with that quality, 1 to 100. */
export async function recompress(picture: Planar, quality: number): Promise<Float32Array> {
  const { channels, height, width } = picture;
  const jpeg = await toSharp(picture).jpeg({ quality }).toBuffer();
  const decoded = sharp(jpeg).toColourspace(channels === 1 ? 'b-w' : 'srgb');
  const bytes = await decoded.raw().toBuffer();
  const size = height * width;
  return Float32Array.from({ length: channels * size }, (_, i) => {
    const [channel, at] = [Math.floor(i / size), i % size];
    return bytes[at * channels + channel]! / 255;
  });
}

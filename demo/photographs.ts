import { createRequire } from 'node:module';
import sharp from 'sharp';
import type { Photograph } from '../src/page/photographs.ts';

const { resolve } = createRequire(import.meta.url);

/** The subject cut out of its photograph, as JPEG. */
export const cutOut = ({ file, crop }: Photograph): Promise<Buffer> =>
  sharp(resolve(file)).extract(crop).jpeg({ quality: 95 }).toBuffer();

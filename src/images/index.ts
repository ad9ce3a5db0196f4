export { createImageDecoder, type ImageDecoder, type ImageDecoderOptions } from './decode.ts';
export { toRow } from './row.ts';

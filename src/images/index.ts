export { createImageDecoder, type ImageDecoder, type ImageDecoderOptions } from './decode.ts';
export { looksLikeImage } from './foreign.ts';
export { toRow } from './row.ts';

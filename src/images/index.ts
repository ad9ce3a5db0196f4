export { createImageDecoder, type ImageDecoder, type ImageDecoderOptions } from './decode.ts';
export { recompress, toPng } from './encode.ts';
export { looksLikeImage } from './foreign.ts';
export { toRow } from './row.ts';

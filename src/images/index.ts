export { createImageDecoder, type ImageDecoder } from './decode.ts';
export { recompress, toPng } from './encode.ts';
export { hasImageName, IMAGE_ENDINGS } from './file-names.ts';
export { looksLikeImage } from './foreign.ts';
export { toRow } from './row.ts';

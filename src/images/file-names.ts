import { extname } from 'node:path';

/** The endings of files that are taken for images in a folder. Whether they are, their bytes say. */
export const IMAGE_ENDINGS: readonly string[] = ['.jpg', '.jpeg', '.jpe', '.jfif', '.png', '.webp', '.avif'];

export const hasImageName = (path: string): boolean => IMAGE_ENDINGS.includes(extname(path).toLowerCase());

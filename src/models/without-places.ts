import { isAbsolute, join, sep } from 'node:path';

/**
 * A sentence of the log, for callers: without the paths of the folders `places` on this machine. Paths inside
 * them stay, such as resnet/1/model.onnx.
 */
export function withoutPlaces(sentence: string, places: readonly string[]): string {
  const hidden = places.filter((place) => isAbsolute(place)).map((place) => join(place, sep));
  return hidden.reduce(
    (text, place) => text.replaceAll(place, '').replaceAll(place.slice(0, -1), 'the folder'),
    sentence,
  );
}

import { isAbsolute, join, sep } from 'node:path';

/**
 * A sentence of the log as callers may read it: where the folders of `places` are on this machine is nobody else's business. What is
 * in them keeps its name there, such as resnet/1/model.onnx.
 */
export function withoutPlaces(sentence: string, places: readonly string[]): string {
  const hidden = places.filter((place) => isAbsolute(place)).map((place) => join(place, sep));
  return hidden.reduce(
    (text, place) => text.replaceAll(place, '').replaceAll(place.slice(0, -1), 'the folder'),
    sentence,
  );
}

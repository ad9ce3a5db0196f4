import { expect, it } from 'vitest';
import { withoutPlaces } from './without-places.ts';

it.each([
  ['/srv/all models/a/1/model.onnx: it is broken.', 'a/1/model.onnx: it is broken.'],
  [
    '/srv/all models: this model repository holds no model.',
    'the folder: this model repository holds no model.',
  ],
  ['Load model from /var/cache/ab12/graph.onnx failed.', 'Load model from ab12/graph.onnx failed.'],
  ['Conv "/layer1/conv" has no gradient rule.', 'Conv "/layer1/conv" has no gradient rule.'],
  ['The models are listed in models/a.', 'The models are listed in models/a.'],
])('%s', (sentence, told) => {
  expect(withoutPlaces(sentence, ['/srv/all models/', '/var/cache', 'models'])).toBe(told);
});

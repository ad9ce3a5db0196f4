import type { Prediction } from './api.ts';
import { milliseconds, whole } from './format.ts';

/** What this server says of the time that the answer took. */
export function Numbers({ prediction }: { readonly prediction: Prediction }) {
  const { batch, timing_ms: timing, adaptation } = prediction;
  const rows: [string, string, string][] = [
    ['In all', milliseconds(timing.total), 'from the request to the answer, on the server'],
    ['Reading the picture', milliseconds(timing.decode), 'decoding and resizing'],
    ['Waiting', milliseconds(timing.queue), 'for other pictures, to answer them together'],
    ['Adapting', milliseconds(timing.adapt), 'and predicting, for the whole batch'],
    [
      'Batch',
      whole(batch.size),
      batch.size === 1 ? 'picture was answered' : 'pictures were answered together',
    ],
  ];
  if (adaptation.steps > 0) {
    rows.splice(4, 0, ['A step', milliseconds(timing.adapt / adaptation.steps), 'on average']);
  }
  return (
    <dl class="numbers">
      {rows.map(([term, value, says]) => (
        <div key={term}>
          <dt>{term}</dt>
          <dd>
            <strong>{value}</strong> <span class="quiet">{says}</span>
          </dd>
        </div>
      ))}
    </dl>
  );
}

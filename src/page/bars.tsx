import type { Prediction } from './api.ts';
import { percent, wholePercent } from './format.ts';

interface Row {
  readonly label: string;
  readonly asItIs?: number | undefined;
  readonly adapted?: number | undefined;
}

/** The classes that either of the two finds probable, the most probable adapted first. */
function rowsOf({ predictions, static: top, trace }: Prediction, count: number): Row[] {
  const asItIs = trace?.static ?? (top ? [top] : []);
  const rows = new Map<number, Row>();
  for (const { class: k, label, probability } of predictions) rows.set(k, { label, adapted: probability });
  for (const { class: k, label, probability } of asItIs) {
    rows.set(k, { label, ...rows.get(k), asItIs: probability });
  }
  const weight = ({ asItIs = 0, adapted = 0 }: Row): number => Math.max(asItIs, adapted);
  return [...rows.values()].sort((a, b) => weight(b) - weight(a)).slice(0, count);
}

function Bar({ kind, value }: { readonly kind: 'static' | 'adapted'; readonly value: number | undefined }) {
  return (
    <span class={`bar ${kind}`}>
      <span class="track">
        <span class="fill" style={{ width: `${100 * (value ?? 0)}%` }} />
      </span>
      <span class="number">
        <span class="hidden">{kind === 'static' ? 'static ' : 'adapted '}</span>
        {value === undefined ? '–' : percent(value)}
      </span>
    </span>
  );
}

/** Probabilities of the top classes, of the model as it is above those after adaptation. */
export function Bars({ prediction, count }: { readonly prediction: Prediction; readonly count: number }) {
  return (
    <ol class="bars">
      {rowsOf(prediction, count).map(({ label, asItIs, adapted }) => (
        <li key={label}>
          <span class="label">{label}</span>
          <Bar kind="static" value={asItIs} />
          <Bar kind="adapted" value={adapted} />
        </li>
      ))}
    </ol>
  );
}

/** The same in a few words, to be read while something else is looked at. */
export function briefly({ predictions: [adapted], static: top }: Prediction): string {
  const said = (each: { label: string; probability: number } | undefined): string =>
    each === undefined ? '–' : `${each.label}, ${wholePercent(each.probability)}`;
  return `As it is: ${said(top)}. Adapted: ${said(adapted)}.`;
}

const article = (label: string): string => (/^[aeiou]/i.test(label) ? 'an' : 'a');

/**
 * Whether no step was made and the answer is the model's own. Statistics of the batch change it without a
 * step.
 */
const isUnadapted = ({ predictions: [first], static: top, adaptation }: Prediction): boolean =>
  adaptation.steps === 0 &&
  first?.label === top?.label &&
  Math.abs((first?.probability ?? 0) - (top?.probability ?? 0)) < 1e-4;

/** What happened, in words. `shows` is what is right, where that is known. */
export function verdict(prediction: Prediction, shows?: string): string {
  const { predictions, static: top, adaptation } = prediction;
  const [first] = predictions;
  if (first === undefined) return '';
  const adapted = `${first.label} (${percent(first.probability)})`;
  const said =
    top === undefined
      ? `Adapted, the model says ${adapted}.`
      : isUnadapted(prediction)
        ? `As it is, the model says ${adapted}.${
            adaptation.applied === 'static' ? '' : ' It was sure of that, so nothing was adapted.'
          }`
        : `As it is, the model says ${top.label} (${percent(top.probability)}). Adapted, it says ${adapted}: ${
            adaptation.label_changed ? 'the label changed.' : 'the same label.'
          }`;
  if (shows === undefined) return said;
  const isRight = first.label === shows;
  return `${said} The picture shows ${article(shows)} ${shows}, so the answer is ${isRight ? 'right' : 'wrong'}.`;
}

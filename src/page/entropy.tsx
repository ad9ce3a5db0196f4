import { useEffect, useState } from 'preact/hooks';
import type { Prediction } from './api.ts';
import { decimal, nats, wholePercent } from './format.ts';

const WIDTH = 420;
const HEIGHT = 170;
const LEFT = 50;
const BOTTOM = 26;
const TOP = 10;
const RIGHT = 12;

/** Of the model as it is and after each step; two where the server tells no more. */
export function entropiesOf({ adaptation, trace }: Prediction): readonly number[] {
  if (trace !== undefined) return trace.entropies;
  const { entropy_before: before, entropy_after: after } = adaptation;
  return before === undefined ? [after] : [before, after];
}

interface CurveProps {
  readonly entropies: readonly number[];
  readonly highest: number;
  readonly step: number;
}

function Curve({ entropies, highest, step }: CurveProps) {
  const last = Math.max(1, entropies.length - 1);
  const x = (i: number): number => LEFT + ((WIDTH - LEFT - RIGHT) * i) / last;
  const y = (value: number): number => TOP + (HEIGHT - TOP - BOTTOM) * (1 - Math.max(0, value) / highest);
  const points = entropies.map((value, i) => `${x(i)},${y(value)}`).join(' ');
  const gap = Math.ceil((last + 1) / 12);
  return (
    <svg class="curve" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label="Entropy after each step">
      {[0, 0.5, 1].map((part) => (
        <g key={part}>
          <line class="grid" x1={LEFT} x2={WIDTH - RIGHT} y1={y(part * highest)} y2={y(part * highest)} />
          <text x={LEFT - 6} y={y(part * highest) + 4} text-anchor="end">
            {nats(part * highest)}
          </text>
        </g>
      ))}
      {entropies.map((_, i) =>
        i % gap === 0 ? (
          <text key={i} x={x(i)} y={HEIGHT - 8} text-anchor="middle">
            {i}
          </text>
        ) : null,
      )}
      <polyline class="line" points={points} />
      {entropies.map((value, i) => (
        <circle
          key={i}
          class={i === step ? 'dot here' : 'dot'}
          cx={x(i)}
          cy={y(value)}
          r={i === step ? 6 : 3}
        />
      ))}
    </svg>
  );
}

/** The top class at a step and its probability, and which class it was before where that is another. */
function belief({ trace }: Prediction, step: number): string {
  const [first, now] = [trace?.top?.[0], trace?.top?.[step]];
  if (first === undefined || now === undefined) return '';
  const changed = first.class === now.class ? '' : ` (before the first step: ${first.label})`;
  return `${now.label}, ${wholePercent(now.probability)}${changed}. `;
}

/** What the picture was taken for at a step, and how sure of that the model was. */
function reading(prediction: Prediction, step: number): string {
  const entropies = entropiesOf(prediction);
  const value = entropies[step] ?? 0;
  const steps = entropies.length - 1;
  const choices = decimal(Math.exp(Math.max(0, value)));
  const when =
    steps === 0
      ? 'No step was made'
      : step === 0
        ? 'Before the first step'
        : step === steps
          ? `After the last step, ${step}`
          : `After step ${step}`;
  return `${when}: ${belief(prediction, step)}Entropy ${nats(value)} nats, as unsure as an even choice among ${choices} classes.`;
}

/** Entropy step by step as a curve, and a slider that reads it. `classes` is how many the model has. */
export function Entropy({
  prediction,
  classes,
}: {
  readonly prediction: Prediction;
  readonly classes: number;
}) {
  const entropies = entropiesOf(prediction);
  const steps = entropies.length - 1;
  const [chosen, choose] = useState<number | undefined>();
  const { recipe } = prediction.adaptation;
  useEffect(() => choose(undefined), [recipe, steps]);
  const step = Math.min(chosen ?? steps, steps);
  const words = reading(prediction, step);
  return (
    <div>
      <Curve entropies={entropies} highest={Math.log(Math.max(2, classes))} step={step} />
      {steps > 0 && (
        <label class="slider">
          <span>Step</span>
          <input
            type="range"
            min={0}
            max={steps}
            value={step}
            aria-valuetext={words}
            onInput={({ currentTarget }) => choose(Number(currentTarget.value))}
          />
          <output>{step}</output>
        </label>
      )}
      <p class="reading">{words}</p>
    </div>
  );
}

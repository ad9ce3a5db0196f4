import { useEffect, useRef } from 'preact/hooks';
import type { ModelInput } from './api.ts';
import { areSame, EFFECTS, type Effects, isUntouched, NONE, SHIFTS } from './effects.ts';
import { decimal, wholePercent } from './format.ts';
import type { Drawn } from './picture.ts';

function copy(from: HTMLCanvasElement, to: HTMLCanvasElement | null): void {
  if (to === null) return;
  to.width = from.width;
  to.height = from.height;
  to.getContext('2d')?.drawImage(from, 0, 0);
}

interface PicturesProps {
  readonly drawn: Drawn;
  readonly name: string;
  readonly input: ModelInput;
  readonly difference?: HTMLCanvasElement | undefined;
  /** What the model says of it. */
  readonly says: string;
}

/** The picture as a person sees it, beside the pixels that are left of it for the model. */
export function Pictures({ drawn, name, input, difference, says }: PicturesProps) {
  const seen = useRef<HTMLCanvasElement>(null);
  const small = useRef<HTMLCanvasElement>(null);
  const added = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    copy(drawn.canvas, seen.current);
    copy(drawn.small, small.current);
    if (difference) copy(difference, added.current);
  }, [drawn, difference]);
  const size = `${input.width} × ${input.height}`;
  return (
    <div class={difference ? 'pictures three' : 'pictures'}>
      <figure>
        <canvas ref={seen} role="img" aria-label={`The picture: ${name}`} />
        <figcaption>As you see it</figcaption>
      </figure>
      <figure>
        <canvas ref={small} class="pixels" role="img" aria-label={`The same picture in ${size} pixels`} />
        <figcaption>As the model sees it: {size} pixels</figcaption>
      </figure>
      {difference && (
        <figure>
          <canvas ref={added} class="pixels" role="img" aria-label="What the attack has added" />
          <figcaption>What the attack has added, ten times enlarged</figcaption>
        </figure>
      )}
      <p class="says">{says}</p>
    </div>
  );
}

/** The room of the pictures, before they are there. */
export const NoPictures = () => (
  <div class="pictures">
    {['Loading the picture …', ''].map((says) => (
      <figure key={says}>
        <div class="room" />
        <figcaption>{says}</figcaption>
      </figure>
    ))}
  </div>
);

interface SlidersProps {
  readonly effects: Effects;
  readonly onChange: (effects: Effects) => void;
  readonly onNewNoise: () => void;
}

/** What a person can do to the picture; it happens in the browser, as the sliders move. */
export function Sliders({ effects, onChange, onNewNoise }: SlidersProps) {
  return (
    <fieldset class="sliders">
      <legend>Make it harder</legend>
      <p class="quiet">
        Eight common troubles, each as strong as <code>dent evaluate</code> measures it. The sliders mix them.
      </p>
      <div class="own">
        {SHIFTS.map(({ name, label, effects: shift }) => (
          <button
            type="button"
            class="small"
            key={name}
            aria-pressed={areSame(effects, shift)}
            onClick={() => onChange(areSame(effects, shift) ? NONE : shift)}
          >
            {label}
          </button>
        ))}
      </div>
      {EFFECTS.map(({ name, label, max, step, isPart }) => {
        const value = effects[name];
        const text = isPart ? wholePercent(value) : decimal(value);
        return (
          <label class="slider" key={name}>
            <span>{label}</span>
            <input
              type="range"
              name={name}
              min={0}
              max={max}
              step={step}
              value={value}
              aria-valuetext={isPart ? text : `${text} pixels of the model`}
              onInput={({ currentTarget }) => onChange({ ...effects, [name]: Number(currentTarget.value) })}
            />
            <output>{text}</output>
          </label>
        );
      })}
      <div class="own">
        <button type="button" disabled={isUntouched(effects)} onClick={() => onChange(NONE)}>
          As it was
        </button>
        <button type="button" disabled={effects.noise + effects.salt === 0} onClick={onNewNoise}>
          Other noise
        </button>
      </div>
    </fieldset>
  );
}

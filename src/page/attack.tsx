import { useEffect, useState } from 'preact/hooks';
import { type Model, pixelsForModel, playground, Refusal } from './api.ts';
import { whole } from './format.ts';
import { type Drawn, differenceOf, openPicture, type Picture } from './picture.ts';

const LARGEST_EPS = 32;
const EPS = 8;

/** Whether this server attacks pictures. */
function useIsPlayground(): boolean {
  const [isOn, setOn] = useState(false);
  useEffect(() => {
    playground().then(setOn, () => setOn(false));
  }, []);
  return isOn;
}

interface Props {
  readonly model: Model;
  readonly picture: Picture;
  readonly drawn: Drawn;
  readonly onAttacked: (picture: Picture) => void;
}

/** The picture as it is after the attack, beside what was added to it. */
async function attacked({ model, picture, drawn }: Props, eps: number): Promise<Picture> {
  const image = await drawn.blob();
  const before = await openPicture(picture.name, await pixelsForModel(model, image, 0));
  const after = await openPicture(`${picture.name}, attacked`, await pixelsForModel(model, image, eps));
  return {
    ...after,
    ...(picture.shows !== undefined && { shows: picture.shows }),
    difference: differenceOf(before.bitmap, after.bitmap),
    note: `The server moved each pixel by at most ${whole(eps)} of 255, so that the model as it is errs. Choose a picture above to begin anew.`,
  };
}

/** Has the server look for the small change that makes the model err. */
export function Attack(props: Props) {
  const isPlayground = useIsPlayground();
  const [eps, setEps] = useState(EPS);
  const [said, say] = useState('');
  if (!isPlayground) return null;

  async function start(): Promise<void> {
    say('The server is attacking the picture …');
    try {
      props.onAttacked(await attacked(props, eps));
      say('Attacked. See what the model says now.');
    } catch (error) {
      say(error instanceof Refusal ? error.complaint.says : 'This did not work. Try again.');
    }
  }

  return (
    <fieldset class="sliders">
      <legend>Attack it</legend>
      <p class="quiet">
        The server looks for a change too small to mislead you that takes the model as it is furthest from its
        answer.
      </p>
      <label class="slider">
        <span>Strength</span>
        <input
          type="range"
          name="eps"
          min={1}
          max={LARGEST_EPS}
          value={eps}
          aria-valuetext={`${eps} of 255`}
          onInput={({ currentTarget }) => setEps(Number(currentTarget.value))}
        />
        <output>{whole(eps)}/255</output>
      </label>
      <div class="own">
        <button type="button" onClick={start}>
          Attack it
        </button>
        <span role="status">{said}</span>
      </div>
    </fieldset>
  );
}

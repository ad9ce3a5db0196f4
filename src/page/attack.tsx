import { useEffect, useState } from 'preact/hooks';
import { type Model, playground, Refusal } from './api.ts';
import { attackedPicture } from './attacked.ts';
import { whole } from './format.ts';
import type { Drawn, Picture } from './picture.ts';

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
  /** What answers the picture, and so what an attacker may know. */
  readonly recipe: string;
  readonly picture: Picture;
  readonly drawn: Drawn;
  readonly onAttacked: (picture: Picture) => void;
}

/** What an attacker looks at while it searches. */
type Sees = 'static' | 'adapted';

async function attacked({ model, recipe, picture, drawn }: Props, eps: number, sees: Sees): Promise<Picture> {
  const asked = { eps, ...(sees === 'adapted' && { recipe }) };
  const knew =
    sees === 'static' ? 'the model as it is' : `the model as "${recipe}" adapts it to this picture`;
  return {
    ...(await attackedPicture(model, picture, drawn, asked)),
    note: `Attacked: each value of a pixel was moved by at most ${whole(eps)} of 255. The attacker saw ${knew}. Choose a picture above to begin anew.`,
  };
}

interface ChooseProps {
  readonly recipe: string;
  readonly sees: Sees;
  readonly onChoose: (sees: Sees) => void;
}

function ChooseKnowledge({ recipe, sees, onChoose }: ChooseProps) {
  const choices: readonly (readonly [Sees, string])[] = [
    ['static', 'the model as it is'],
    ['adapted', `the model as "${recipe}" adapts it to this picture`],
  ];
  return (
    <fieldset>
      <legend>The attacker sees</legend>
      <div class="choices">
        {choices.map(([each, says]) => (
          <label key={each}>
            <input type="radio" name="sees" checked={each === sees} onChange={() => onChoose(each)} /> {says}
          </label>
        ))}
      </div>
    </fieldset>
  );
}

/** Has the server look for the small change that makes the model err. */
export function Attack(props: Props) {
  const isPlayground = useIsPlayground();
  const [eps, setEps] = useState(EPS);
  const [sees, see] = useState<Sees>('static');
  const [said, say] = useState('');
  const [isRunning, setRunning] = useState(false);
  if (!isPlayground) return null;

  async function start(): Promise<void> {
    setRunning(true);
    say('The server is attacking the picture …');
    try {
      props.onAttacked(await attacked(props, eps, sees));
      say('Attacked. Above you see what the model says now.');
    } catch (error) {
      say(error instanceof Refusal ? error.complaint.says : 'This did not work. Try again.');
    }
    setRunning(false);
  }

  return (
    <section aria-labelledby="attack">
      <h2 id="attack">Attack it</h2>
      <p>
        The server looks for a change of the picture that a person hardly sees, and that makes the model say
        something else.
      </p>
      <ChooseKnowledge recipe={props.recipe} sees={sees} onChoose={see} />
      <p class="quiet">
        {sees === 'static'
          ? 'This attacker has the model, but does not know that it adapts.'
          : 'This attacker knows the defence too. It holds the adaptation fixed while it searches; after that the server adapts anew to the picture that it made. There are stronger attackers: one picture that withstands this one proves nothing.'}
      </p>
      <div class="own">
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
        <button type="button" disabled={isRunning} onClick={start}>
          Attack the picture
        </button>
      </div>
      <p role="status">{said}</p>
    </section>
  );
}

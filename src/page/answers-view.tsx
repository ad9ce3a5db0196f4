import type { Model, Prediction, RecipeSettings } from './api.ts';
import { Bars, verdict } from './bars.tsx';
import { Entropy, entropiesOf } from './entropy.tsx';
import { milliseconds, nats } from './format.ts';
import { Numbers } from './numbers.tsx';
import { insteadInWords, recipeInWords } from './recipe-words.ts';

/** '' stands for all recipes side by side. */
export const ALL = '';
const ROWS = 5;
const ROWS_SIDE_BY_SIDE = 3;

interface ChooseProps {
  readonly models: readonly Model[];
  readonly model: Model;
  readonly recipe: string;
  readonly onModel: (name: string) => void;
  readonly onRecipe: (name: string) => void;
}

export function ChooseRecipe({ models, model, recipe, onModel, onRecipe }: ChooseProps) {
  return (
    <div class="own">
      {models.length > 1 && (
        <label>
          Model{' '}
          <select value={model.name} onChange={({ currentTarget }) => onModel(currentTarget.value)}>
            {models.map(({ name }) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
      )}
      <label>
        Recipe{' '}
        <select value={recipe} onChange={({ currentTarget }) => onRecipe(currentTarget.value)}>
          {model.recipes.map((name) => (
            <option key={name} value={name}>
              {name === model.defaultRecipe ? `${name} (the default)` : name}
            </option>
          ))}
          <option value={ALL}>all side by side</option>
        </select>
      </label>
      <span class="quiet">
        {recipe === ALL ? 'Each recipe is asked in turn.' : recipeInWords(model.settings[recipe]!)}
      </span>
    </div>
  );
}

const Legend = () => (
  <p class="legend">
    <span class="swatch static" /> static: the model as it is <span class="swatch adapted" /> adapted: after
    it has tuned itself to the picture
  </p>
);

interface AnswersProps {
  readonly model: Model;
  readonly answers: ReadonlyMap<string, Prediction>;
  readonly shows?: string | undefined;
}

/** What one recipe says. */
export function OneAnswer({ model, answers, shows, recipe }: AnswersProps & { readonly recipe: string }) {
  const prediction = answers.get(recipe);
  if (!prediction) return <p class="quiet">Asking the model …</p>;
  return (
    <>
      <p class="verdict">
        {prediction.adaptation.label_changed && <strong class="changed">Changed</strong>}{' '}
        {verdict(prediction, shows)} {insteadInWords(model.settings[recipe]!, prediction.adaptation)}
      </p>
      <Legend />
      <Bars prediction={prediction} count={ROWS} />
      <h3>How unsure the model is (its entropy), step by step</h3>
      <Entropy prediction={prediction} classes={model.labels.length} />
      <h3>What it took</h3>
      <Numbers prediction={prediction} />
    </>
  );
}

function Card({
  recipe,
  settings,
  prediction,
  shows,
}: {
  recipe: string;
  settings: RecipeSettings;
  prediction: Prediction | undefined;
  shows: string | undefined;
}) {
  if (!prediction) {
    return (
      <li class="card">
        <h3>{recipe}</h3>
        <p class="quiet">Asking …</p>
      </li>
    );
  }
  const { adaptation, timing_ms: timing, predictions } = prediction;
  const entropies = entropiesOf(prediction);
  const isRight = predictions[0]?.label === shows;
  return (
    <li class="card">
      <h3>{recipe}</h3>
      <p>
        {adaptation.label_changed ? <strong class="changed">Changed</strong> : 'Same label'}
        {shows !== undefined && (isRight ? ', right' : ', wrong')}
      </p>
      <Bars prediction={prediction} count={ROWS_SIDE_BY_SIDE} />
      <p class="quiet">
        Entropy {nats(entropies[0] ?? 0)} → {nats(entropies.at(-1) ?? 0)} in {adaptation.steps}{' '}
        {adaptation.steps === 1 ? 'step' : 'steps'}, {milliseconds(timing.adapt)}.{' '}
        {insteadInWords(settings, adaptation)}
      </p>
    </li>
  );
}

/** What each recipe says, side by side. */
export function AllAnswers({ model, answers, shows }: AnswersProps) {
  return (
    <>
      <Legend />
      <ul class="cards">
        {model.recipes.map((recipe) => (
          <Card
            key={recipe}
            recipe={recipe}
            settings={model.settings[recipe]!}
            prediction={answers.get(recipe)}
            shows={shows}
          />
        ))}
      </ul>
    </>
  );
}

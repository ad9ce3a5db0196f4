import { useRef, useState } from 'preact/hooks';
import { type Model, type Prediction, predictAll, Refusal } from './api.ts';
import { NONE } from './effects.ts';
import { milliseconds, nats, wholePercent } from './format.ts';
import { draw, openExample, pngOf } from './picture.ts';

const COPIES = 32;

interface Row {
  readonly recipe: string;
  readonly applied: string;
  readonly right: number;
  readonly of: number;
  readonly changed: number;
  readonly entropy: number;
  readonly ms: number;
}

/** The gallery over and over, each copy with noise of its own, and what it shows. */
async function noisyCopies(model: Model, noise: number): Promise<{ image: Blob; shows: string }[]> {
  const gallery = await Promise.all(EXAMPLES.map(openExample));
  const copies = Array.from({ length: COPIES }, async (_, i) => {
    const picture = gallery[i % gallery.length]!;
    const { small } = draw(picture, { effects: { ...NONE, noise }, seed: 1000 + i }, model.input);
    return { image: await pngOf(small), shows: picture.shows ?? '' };
  });
  return Promise.all(copies);
}

function rowOf(recipe: string, predictions: readonly Prediction[], shows: readonly string[]): Row {
  const mean = (of: (each: Prediction) => number): number =>
    predictions.reduce((sum, each) => sum + of(each), 0) / predictions.length;
  return {
    recipe,
    // Where the server was slow to read them, they came in several batches, of which some may have been too
    // small.
    applied: [...new Set(predictions.map(({ adaptation }) => adaptation.applied))].join(', '),
    right: predictions.filter((each, i) => each.predictions[0]?.label === shows[i]).length,
    of: predictions.length,
    changed: predictions.filter(({ adaptation }) => adaptation.label_changed === true).length,
    entropy: mean(({ adaptation }) => adaptation.entropy_after),
    ms: Math.max(...predictions.map(({ timing_ms }) => timing_ms.adapt)),
  };
}

function Table({ rows, knowsLabels }: { readonly rows: readonly Row[]; readonly knowsLabels: boolean }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard.
    <section class="scrolls" tabIndex={0} aria-label="What each recipe says of them">
      <table>
        <caption class="hidden">What each recipe says of {COPIES} noisy pictures</caption>
        <thead>
          <tr>
            <th scope="col">Recipe</th>
            {knowsLabels && <th scope="col">Right</th>}
            <th scope="col">Labels changed</th>
            <th scope="col">Mean entropy</th>
            <th scope="col">Time</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ recipe, applied, right, of, changed, entropy, ms }) => (
            <tr key={recipe}>
              <th scope="row">
                {recipe}
                {applied !== recipe && <span class="quiet"> ({applied} was applied)</span>}
              </th>
              {knowsLabels && (
                <td>
                  {right} of {of}
                </td>
              )}
              <td>{changed}</td>
              <td>{nats(entropy)}</td>
              <td>{milliseconds(ms)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** Many noisy pictures in one request: what recipes are for that learn from a batch. */
export function NoisyGallery({ model }: { readonly model: Model }) {
  const [noise, setNoise] = useState(0.15);
  const [rows, setRows] = useState<readonly Row[]>([]);
  const [said, say] = useState('');
  const running = useRef<AbortController | null>(null);
  const knowsLabels = EXAMPLES.every(({ shows }) => model.labels.includes(shows));

  async function run(signal: AbortSignal): Promise<void> {
    setRows([]);
    say('Drawing the copies …');
    const copies = await noisyCopies(model, noise);
    for (const recipe of model.recipes) {
      say(`Asking the recipe ${recipe} …`);
      const images = copies.map(({ image }) => image);
      const results = await predictAll(model, recipe, images, signal);
      const failed = results.find((each) => 'code' in each);
      if (failed && 'detail' in failed)
        throw new Refusal({ says: failed.detail ?? 'A picture was refused.' });
      const row = rowOf(
        recipe,
        results as Prediction[],
        copies.map(({ shows }) => shows),
      );
      setRows((before) => [...before, row]);
    }
    say(`Done: ${COPIES} pictures with each of ${model.recipes.length} recipes.`);
  }

  async function start(): Promise<void> {
    running.current?.abort();
    const abort = new AbortController();
    running.current = abort;
    await run(abort.signal).catch((error: unknown) => {
      if (!abort.signal.aborted)
        say(error instanceof Refusal ? error.complaint.says : 'This did not work. Try again.');
    });
  }

  return (
    <section aria-labelledby="many">
      <h2 id="many">Many pictures at once</h2>
      <p>
        Some recipes learn from a whole batch. This sends {COPIES} noisy copies of the gallery in one request,
        to each recipe in turn.
      </p>
      <div class="own">
        <label class="slider">
          <span>Noise</span>
          <input
            type="range"
            min={0}
            max={0.5}
            step={0.01}
            value={noise}
            onInput={({ currentTarget }) => setNoise(Number(currentTarget.value))}
          />
          <output>{wholePercent(noise)}</output>
        </label>
        <button type="button" onClick={start}>
          Send {COPIES} noisy copies
        </button>
      </div>
      <p role="status">{said}</p>
      {rows.length > 0 && <Table rows={rows} knowsLabels={knowsLabels} />}
      {rows.length > 0 && (
        <p class="quiet">
          So few pictures, of three photographs, say nothing of accuracy. They show how recipes differ.
        </p>
      )}
    </section>
  );
}

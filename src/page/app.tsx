import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { ALL, AllAnswers, ChooseRecipe, OneAnswer } from './answers-view.tsx';
import { hasKey, Refusal, TOP_K } from './api.ts';
import { Attack } from './attack.tsx';
import { briefly } from './bars.tsx';
import { CallView } from './call-view.tsx';
import { ChoosePicture } from './choose-picture.tsx';
import { ComplaintView } from './complaint-view.tsx';
import { NONE } from './effects.ts';
import { readLink, type View, writeLink } from './link.ts';
import { Meanings } from './meanings.tsx';
import { NoisyGallery } from './noisy-gallery.tsx';
import { draw, openExample, openPicture, type Picture } from './picture.ts';
import { NoPictures, Pictures, Sliders } from './picture-view.tsx';
import type { Call } from './snippets.ts';
import { useAnswers } from './use-answers.ts';
import { useModels } from './use-models.ts';
import type { Complaint } from './words.ts';

/** The picture that is looked at; a link names one of the gallery. */
function usePicture(example: string | undefined) {
  const [picture, setPicture] = useState<Picture>();
  const [complaint, setComplaint] = useState<Complaint>();

  const turns = useRef(0);

  /** Whether it is shown now: it is not where it cannot be opened, or where another was chosen meanwhile. */
  async function show(opening: Promise<Picture>): Promise<boolean> {
    turns.current += 1;
    const turn = turns.current;
    try {
      const opened = await opening;
      if (turn !== turns.current) return false;
      setPicture(opened);
      setComplaint(undefined);
      return true;
    } catch (error) {
      if (turn !== turns.current) return false;
      setComplaint(
        error instanceof Refusal ? error.complaint : { says: 'The picture could not be fetched. Try again.' },
      );
      return false;
    }
  }

  useEffect(() => {
    const found = EXAMPLES.find(({ name }) => name === example);
    if (found) void show(openExample(found));
  }, [example]);
  return { picture, complaint, show };
}

/** The view as the address has it, which is kept up with it: going back and a shared link restore it. */
function useView(): [View, (change: Partial<View>) => void] {
  const first = EXAMPLES[0]?.name;
  const [view, setView] = useState<View>(() => ({
    ...(first !== undefined && { example: first }),
    ...readLink(location.hash),
  }));
  useEffect(() => {
    const follow = (): void => setView((before) => ({ ...before, ...readLink(location.hash) }));
    window.addEventListener('hashchange', follow);
    return () => window.removeEventListener('hashchange', follow);
  }, []);
  useEffect(() => history.replaceState(null, '', writeLink(view)), [view]);
  return [view, (change) => setView((before) => ({ ...before, ...change }))];
}

const newSeed = (): number => Math.floor(Math.random() * 1e6) + 1;

export function App() {
  const [view, change] = useView();
  const { effects, seed } = view;
  const models = useModels();
  const model = models.list.find(({ name }) => name === view.model) ?? models.list[0];
  const { picture, complaint: pictureComplaint, show } = usePicture(view.example);
  const known = view.recipe === ALL || (view.recipe !== undefined && model?.recipes.includes(view.recipe));
  const recipe = known ? view.recipe! : (model?.defaultRecipe ?? ALL);

  const drawn = useMemo(
    () => (picture && model ? draw(picture, { effects, seed }, model.input) : undefined),
    [picture, model, effects, seed],
  );
  const question = useMemo(
    () => (drawn && model ? { model, drawn, recipes: recipe === ALL ? model.recipes : [recipe] } : undefined),
    [drawn, model, recipe],
  );
  const { answers, isAsking, complaint, again } = useAnswers(question);

  const shown = answers.get(recipe === ALL ? (model?.defaultRecipe ?? '') : recipe);

  const openFile = async (name: string, file: Blob): Promise<void> => {
    if (await show(openPicture(name, file))) change({ example: undefined });
  };
  const example = picture?.example;
  const shows = model?.labels.find((label) => label === picture?.shows);
  const server = new URL('.', location.href).href.replace(/\/$/, '');
  const call: Call | undefined = model && {
    server,
    model: model.name,
    recipe: recipe === ALL ? model.defaultRecipe : recipe,
    topK: Math.min(TOP_K, model.labels.length),
    picture:
      drawn?.isOriginal && example
        ? { url: new URL(example.url, location.href).href }
        : { file: 'picture.png' },
    needsKey: hasKey(),
  };

  return (
    <>
      <header>
        <h1>See a picture being defended</h1>
        <p>
          An image classifier is a program that says what a picture shows. Noise, bad light, or a change that
          somebody has made on purpose can make it err. dent-serve lets the classifier tune itself to each
          picture, in a few small steps, before it answers. Here you can watch it.
        </p>
      </header>
      <main>
        <ChoosePicture
          example={picture?.example && view.example}
          onExample={(each) => {
            change({ example: each.name });
            if (each.name === view.example) void show(openExample(each));
          }}
          onFile={openFile}
        />
        <ComplaintView complaint={pictureComplaint} onAgain={() => change({ ...view })} />
        <ComplaintView complaint={models.complaint} onAgain={models.again} />
        <div class="columns">
          <section aria-labelledby="picture">
            <h2 id="picture">The picture</h2>
            {drawn && picture && model ? (
              <Pictures
                drawn={drawn}
                name={picture.name}
                input={model.input}
                difference={picture.difference}
                says={shown ? briefly(shown) : ''}
              />
            ) : (
              <NoPictures />
            )}
            {picture?.note && <p class="quiet">{picture.note}</p>}
            <Sliders
              effects={effects}
              onChange={(effects) => change({ effects })}
              onNewNoise={() => change({ seed: newSeed() })}
            />
          </section>
          <section aria-labelledby="answer" aria-busy={isAsking}>
            <h2 id="answer">What the model says</h2>
            {model && (
              <ChooseRecipe
                models={models.list}
                model={model}
                recipe={recipe}
                onModel={(name) => change({ model: name })}
                onRecipe={(name) => change({ recipe: name })}
              />
            )}
            <ComplaintView complaint={complaint} onAgain={again} />
            {complaint && answers.size > 0 && <p>Until then, this is the answer to the picture before:</p>}
            {model && recipe !== ALL && (
              <OneAnswer model={model} answers={answers} shows={shows} recipe={recipe} />
            )}
            {model && recipe === ALL && <AllAnswers model={model} answers={answers} shows={shows} />}
          </section>
        </div>
        <Meanings labels={model?.labels ?? []} />
        {drawn && picture && model && (
          <Attack
            model={model}
            recipe={recipe === ALL ? model.defaultRecipe : recipe}
            picture={picture}
            drawn={drawn}
            onAttacked={(attacked) => {
              void show(Promise.resolve(attacked));
              change({ example: undefined, effects: NONE });
              document.getElementById('picture')?.scrollIntoView();
            }}
          />
        )}
        {model && <NoisyGallery model={model} />}
        {call && <CallView call={call} {...(drawn && { file: drawn.blob })} />}
      </main>
      <footer>
        <p>
          <a href="docs">Try the whole API</a> · <a href="openapi.yaml">its description for programs</a>
        </p>
        <p class="quiet">
          The photographs are the Getty's, under CC0: an aeroplane seen from above, boats at Nagasaki,
          Muybridge's cat in motion. Pictures of your own go to this server alone, which keeps none.
        </p>
      </footer>
    </>
  );
}

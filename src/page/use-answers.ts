import { useEffect, useRef, useState } from 'preact/hooks';
import { type Model, type Prediction, predict, Refusal } from './api.ts';
import { latestOnly } from './latest.ts';
import type { Drawn } from './picture.ts';
import { type Complaint, SLOW } from './words.ts';

const SLOW_MS = 10_000;

/** A picture, and the recipes that are to say what it shows. */
export interface Question {
  readonly model: Model;
  readonly recipes: readonly string[];
  readonly drawn: Drawn;
}

export interface Answers {
  /** By recipe, in the order of the question; those that have come. */
  readonly answers: ReadonlyMap<string, Prediction>;
  readonly isAsking: boolean;
  /** What the person should know of a question without an answer. */
  readonly complaint: Complaint | undefined;
}

const NOTHING: Answers = { answers: new Map(), isAsking: false, complaint: undefined };

/** Asks `question` whenever it is another one, and again after a complaint that passes. */
export function useAnswers(question: Question | undefined): Answers & { readonly again: () => void } {
  const [state, setState] = useState<Answers>(NOTHING);
  const [attempt, setAttempt] = useState(0);
  const again = (): void => setAttempt((before) => before + 1);
  const timer = useRef(0);

  const ask = useRef(
    latestOnly(async ({ model, recipes, drawn }: Question, signal: AbortSignal) => {
      const slow = setTimeout(
        () => setState((before) => ({ ...before, complaint: { says: SLOW } })),
        SLOW_MS,
      );
      setState(({ answers, complaint }) => ({
        // What is shown stays until something newer is there.
        answers: new Map(recipes.flatMap((name) => (answers.has(name) ? [[name, answers.get(name)!]] : []))),
        isAsking: true,
        complaint,
      }));
      try {
        const image = await drawn.blob();
        for (const recipe of recipes) {
          const prediction = await predict(model, recipe, image, signal);
          setState(({ answers }) => ({
            answers: new Map([...answers, [recipe, prediction]]),
            isAsking: true,
            complaint: undefined,
          }));
        }
        setState((before) => ({ ...before, isAsking: false }));
      } catch (error) {
        if (signal.aborted) return;
        const complaint =
          error instanceof Refusal
            ? error.complaint
            : { says: 'Something went wrong on this page. Load it again.' };
        setState((before) => ({ ...before, isAsking: false, complaint }));
        if (complaint.againAfter !== undefined)
          timer.current = setTimeout(again, 1000 * complaint.againAfter);
      } finally {
        clearTimeout(slow);
      }
    }),
  ).current;

  useEffect(() => {
    clearTimeout(timer.current);
    if (question) ask(question);
  }, [question, attempt]);

  return { ...state, again };
}

import { useEffect, useState } from 'preact/hooks';
import { type Model, models, Refusal } from './api.ts';
import type { Complaint } from './words.ts';

const AGAIN_MS = 1000;
const NONE_YET: Complaint = {
  says: 'The server is loading its models. This page goes on as soon as one can be asked.',
};

/** What is served, asked for until there is something. */
export function useModels(): {
  readonly list: readonly Model[];
  readonly complaint: Complaint | undefined;
  readonly again: () => void;
} {
  const [list, setList] = useState<readonly Model[]>([]);
  const [complaint, setComplaint] = useState<Complaint>();
  const [attempt, setAttempt] = useState(0);
  const again = (): void => setAttempt((before) => before + 1);

  useEffect(() => {
    let timer = 0;
    models().then(
      (found) => {
        setList(found);
        setComplaint(found.length === 0 ? NONE_YET : undefined);
        if (found.length === 0) timer = setTimeout(again, AGAIN_MS);
      },
      (error: unknown) => {
        const why =
          error instanceof Refusal ? error.complaint : { says: 'The server did not answer as it should.' };
        setComplaint(why);
        if (!why.needsKey) timer = setTimeout(again, AGAIN_MS * (why.againAfter ?? 1));
      },
    );
    return () => clearTimeout(timer);
  }, [attempt]);

  return { list, complaint, again };
}

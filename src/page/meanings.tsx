import { whole } from './format.ts';

const MOST_NAMED = 20;

/** What the model can say: its classes, where they are few enough to be read. */
function classesOf(labels: readonly string[]): string {
  const some = `It chooses among ${whole(labels.length)}`;
  return labels.length > MOST_NAMED ? `${some}.` : `${some}: ${labels.join(', ')}.`;
}

/** The words of the page, for somebody who has never heard of dent. */
export function Meanings({ labels }: { readonly labels: readonly string[] }) {
  return (
    <section aria-labelledby="meanings">
      <h2 id="meanings">What the words mean</h2>
      <dl class="meanings">
        <dt>Class</dt>
        <dd>
          A thing that the model knows by name. {labels.length > 0 && classesOf(labels)} It must name one of
          them, whatever the picture shows.
        </dd>
        <dt>Static</dt>
        <dd>What the model says as it is, just as it left its training.</dd>
        <dt>Adapted</dt>
        <dd>
          What the same model says after it has tuned itself to this picture. Nobody tells it what the picture
          shows. After the answer it forgets the tuning: the next picture meets the model as it was.
        </dd>
        <dt>Step</dt>
        <dd>One small turn of the model's tuning knobs, in the direction that makes its answer surer.</dd>
        <dt>Entropy</dt>
        <dd>
          How unsure an answer is. 0 means that the model believes in one class alone. It grows as the belief
          spreads over more classes. Its unit is the nat.
        </dd>
        <dt>Recipe</dt>
        <dd>
          Says which knobs are turned, how far and how often, and whether pictures are tuned one by one or
          together.
        </dd>
        <dt>Batch</dt>
        <dd>
          The pictures that are answered together. Some recipes learn from all pictures of a batch, and need
          many of them.
        </dd>
      </dl>
      <p>
        <strong>Surer is not more often right.</strong> Adapting makes nearly every answer look certain, wrong
        ones too. To judge how far to trust an answer, look at the static one.
      </p>
    </section>
  );
}

/** The words of the page, for somebody who has never heard of dent. */
export function Meanings() {
  return (
    <section aria-labelledby="meanings">
      <h2 id="meanings">What the words mean</h2>
      <dl class="meanings">
        <dt>Static</dt>
        <dd>The answer of the model as it is, the way it left its training.</dd>
        <dt>Adapted</dt>
        <dd>
          The answer of the same model after it has tuned itself to this picture. Nobody tells it what the
          picture shows. After the answer it forgets all it has tuned: the next picture meets the model as it
          was.
        </dd>
        <dt>Entropy</dt>
        <dd>
          How unsure the answer is. 0 means that the model believes in one class alone. The larger it is, the
          more classes share the belief. It is measured in nats.
        </dd>
        <dt>Step</dt>
        <dd>One small turn of the model's tuning knobs, in the direction that makes the answer surer.</dd>
        <dt>Recipe</dt>
        <dd>
          Which knobs are turned, how far and how often, and whether pictures are tuned one by one or
          together.
        </dd>
        <dt>Batch</dt>
        <dd>
          The pictures that are answered together. Some recipes learn from all pictures of a batch, and need
          many.
        </dd>
      </dl>
      <p>
        <strong>Surer is not righter.</strong> Adapting makes nearly every answer look certain, the wrong ones
        too. To know how much an answer is worth, look at the static one.
      </p>
    </section>
  );
}

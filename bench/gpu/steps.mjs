/** What steps cost, by recipe, precision and rows: the median of several runs, in milliseconds. */
import {
  bundled,
  device,
  emit,
  median,
  noise,
  options,
  photographs,
  small,
  timed,
  withEngine,
} from './common.mjs';

const models = [
  { name: 'resnet14', file: bundled, images: photographs, rows: small ? [8] : [128, 32, 8, 1] },
];
if (options.resnet50 !== undefined) {
  const rows = small ? [2] : [128, 32, 8, 1];
  models.push({ name: 'resnet50', file: options.resnet50, images: (n) => noise(n, 224), rows });
}
// What matters most comes first: a time limit may end this.
const recipes = small ? ['static', 'brief'] : ['static', 'brief', 'isolated', 'dent', 'dent+', 'norm'];
const precisions = small || device === 'cpu' ? ['fp32'] : ['fp32', 'tf32', 'fp16'];
const counts = small ? [1] : [1, 6, 10];
const repeats = small ? 1 : 5;

for (const { name, file, images, rows } of models) {
  for (const preset of recipes) {
    for (const precision of precisions) {
      await withEngine({}, async (open) => {
        const { run, recipe } = await open(file, { preset }, precision);
        for (const count of rows) {
          const batch = images(count);
          const { ms: first } = await timed(() => run(batch, Math.min(1, recipe.steps)));
          for (const steps of recipe.steps === 0 ? [0] : counts) {
            await run(batch, steps);
            const times = [];
            for (let i = 0; i < repeats; i++) times.push((await timed(() => run(batch, steps))).ms);
            const ms = median(times);
            const imagesPerSecond = (count * 1000) / ms;
            emit({
              step: 'steps',
              model: name,
              preset,
              precision,
              rows: count,
              steps,
              ms,
              first,
              imagesPerSecond,
            });
          }
        }
      });
    }
  }
}

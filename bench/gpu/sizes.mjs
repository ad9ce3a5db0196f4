/** Batches whose size changes all the time: as they are, and filled up in a session for each size. */
import { bundled, emit, firstRows, median, photographs, small, timed, withEngine } from './common.mjs';

const most = small ? 8 : 128;
/** The sizes of batches to come, without a pattern; each round has others. */
const sizes = Array.from({ length: small ? 6 : 60 }, (_, i) => 1 + ((i * 7919 + 41) % most));
const all = photographs(most);

for (const preset of small ? ['static', 'brief'] : ['static', 'blend', 'dent', 'isolated', 'brief']) {
  for (const fillsBatches of [false, true]) {
    await withEngine({ fillsBatches }, async (open) => {
      const { run, recipe, warmUpSizes } = await open(bundled, { preset });
      const warmUp = fillsBatches ? warmUpSizes(most) : [1, most];
      const { ms: warmUpMs } = await timed(async () => {
        for (const size of warmUp) await run(firstRows(all, size), recipe.steps);
      });
      const times = [];
      for (const size of sizes) {
        times.push((await timed(() => run(firstRows(all, size), recipe.steps))).ms);
      }
      const [worst, middle] = [Math.max(...times), median(times)];
      const imagesPerSecond = (sizes.reduce((a, b) => a + b, 0) * 1000) / times.reduce((a, b) => a + b, 0);
      emit({ step: 'sizes', preset, filled: fillsBatches, warmUpMs, median: middle, worst, imagesPerSecond });
    });
  }
}

import { dashboard, LANES } from './dashboard.ts';
import { heatmap, lines, NATS, stat, table } from './panels.ts';

const BY = 'by (model, recipe)';

/** The growth of a counter: per second, and over the dashboard's whole range. */
const rate = (metric: string, more = ''): string => `rate(${metric}{${LANES}${more}}[$__rate_interval])`;
const grown = (metric: string, more = ''): string => `increase(${metric}{${LANES}${more}}[$__range])`;

const entropy = (phase: 'static' | 'adapted', growth = rate): string =>
  `sum ${BY} (${growth('dent_entropy_nats_sum', `, phase="${phase}"`)}) / sum ${BY} (${growth('dent_entropy_nats_count', `, phase="${phase}"`)})`;
const bought = (growth = rate): string =>
  `((${entropy('static', growth)}) - (${entropy('adapted', growth)}))`;
const stepSeconds = (growth = rate): string =>
  `sum ${BY} (${growth('dent_adapt_step_duration_seconds_sum')}) / (sum ${BY} (${growth('dent_adapt_step_duration_seconds_count')}) > 0)`;
/**
 * Seconds of a batch over seconds of a step. A batch that fell back to a recipe with other steps counts with
 * those.
 */
const steps = (growth = rate): string =>
  `(sum ${BY} (${growth('dent_adapt_duration_seconds_sum', ', steps!="0"')}) / (sum ${BY} (${growth('dent_adapt_step_duration_seconds_sum')}) > 0))`;
/** Mean seconds of the batches that were adapted. */
const batchSeconds = (growth = rate): string =>
  `(sum ${BY} (${growth('dent_adapt_duration_seconds_sum', ', steps!="0"')}) / (sum ${BY} (${growth('dent_adapt_duration_seconds_count', ', steps!="0"')}) > 0))`;

const BY_STEPS = 'by (model, recipe, steps)';
const ran = `(sum ${BY_STEPS} (${grown('dent_adapt_duration_seconds_count')}) > 0)`;
/** A value of a model and recipe, repeated for each number of steps that it ran with. */
const besideSteps = (expr: string): string =>
  `(${expr}) * on (model, recipe) group_right () (${ran} / ${ran})`;

const fallbacks = (reason: string): string => rate('dent_fallbacks_total', `, reason="${reason}"`);
const predicted = `sum ${BY} (${rate('dent_predictions_total')})`;

/** What another step costs, what it gains, and whether it still does what it did. */
export const adaptation = dashboard({
  uid: 'dent-serve-adaptation',
  title: 'dent-serve / Cost of adaptation',
  about: 'What another step costs in latency, what it buys in entropy, and how adaptation goes wrong.',
  variables: ['namespace', 'job', 'model', 'recipe'],
  rows: [
    {
      title: 'What does another step cost, and what does it buy?',
      panels: [
        stat(
          {
            title: 'A step costs',
            about:
              'Time of one update of a batch, over the time range, with the batch sizes that there were; the mean of the recipes chosen.',
            unit: 's',
            width: 6,
          },
          `avg(${stepSeconds(grown)})`,
        ),
        stat(
          {
            title: 'A step buys',
            about:
              'Entropy taken off a prediction by each update, over the time range; the mean of the recipes chosen. The first steps buy the most: compare recipes of different steps in the table.',
            unit: NATS,
            width: 6,
          },
          `avg(${bought(grown)} / ${steps(grown)})`,
        ),
        stat(
          {
            title: 'A second buys',
            about:
              'Entropy taken off a prediction for each second that its batch is adapted; the mean of the recipes chosen.',
            unit: NATS,
            width: 6,
          },
          `avg(${bought(grown)} / ${batchSeconds(grown)})`,
        ),
        stat(
          {
            title: 'Labels changed',
            about: 'Share of the predictions whose most probable class adaptation has changed.',
            unit: 'percentunit',
            width: 6,
          },
          `sum(${grown('dent_label_changes_total')}) / sum(${grown('dent_predictions_total')})`,
        ),
        table(
          {
            title: 'Recipes, over the time range',
            about:
              'One line for each number of steps that a recipe ran with. A batch that is too small for its recipe runs with the steps of the recipe that takes its place. Entropies are in nats, over all numbers of steps of the recipe. A recipe that takes more seconds should also take off more entropy.',
            width: 24,
          },
          [
            ['batches', 'short', ran],
            [
              'seconds a batch',
              's',
              `sum ${BY_STEPS} (${grown('dent_adapt_duration_seconds_sum')}) / ${ran}`,
            ],
            ['seconds a step', 's', besideSteps(stepSeconds(grown))],
            [
              'rows a batch',
              'short',
              besideSteps(
                `sum ${BY} (${grown('dent_batch_size_sum')}) / sum ${BY} (${grown('dent_batch_size_count')})`,
              ),
            ],
            ['entropy as it is', NATS, besideSteps(entropy('static', grown))],
            ['entropy adapted', NATS, besideSteps(entropy('adapted', grown))],
            ['bought', NATS, besideSteps(bought(grown))],
            ['bought for a step', NATS, besideSteps(`${bought(grown)} / ${steps(grown)}`)],
          ],
        ),
        lines(
          {
            title: 'Latency of a batch by its number of steps',
            about:
              'Mean time to adapt to a batch and predict it. 0 steps is the model as it is; the distance between lines is what the steps between them cost. Batches grow under load, and then take longer.',
            unit: 's',
            width: 12,
          },
          [
            [
              '{{steps}} steps, {{model}}',
              `sum by (model, steps) (${rate('dent_adapt_duration_seconds_sum')}) / sum by (model, steps) (${rate('dent_adapt_duration_seconds_count')})`,
            ],
          ],
        ),
        lines(
          {
            title: 'Cost of a step',
            about: 'Time of a batch over its number of steps, the first prediction included.',
            unit: 's',
            width: 12,
          },
          [
            ['mean, {{model}} {{recipe}}', stepSeconds()],
            [
              'p95, {{model}} {{recipe}}',
              `histogram_quantile(0.95, sum by (le, model, recipe) (${rate('dent_adapt_step_duration_seconds_bucket')}))`,
            ],
          ],
        ),
        lines(
          {
            title: 'Entropy bought by a step',
            about: 'Mean entropy as it is less mean entropy adapted, over the number of steps. In nats.',
            unit: NATS,
            width: 12,
          },
          [['{{model}} {{recipe}}', `${bought()} / ${steps()}`]],
        ),
        lines(
          {
            title: 'Steps that a row makes',
            about:
              'The mean over the rows. Below the steps of the recipe where rows stop by themselves (gate, floor).',
            unit: 'short',
            width: 12,
          },
          [
            [
              '{{model}} {{recipe}}',
              `sum ${BY} (${rate('dent_row_steps_sum')}) / sum ${BY} (${rate('dent_row_steps_count')})`,
            ],
          ],
        ),
        lines(
          {
            title: 'Share of rows that stop',
            about:
              'By “gate”: the model was sure as it is, and the row made no step. By “floor”: the row had become sure before the last step. Where both sink, the images have moved away from those of the training.',
            unit: 'percentunit',
            width: 12,
          },
          [
            [
              '{{reason}}, {{model}} {{recipe}}',
              `sum by (model, recipe, reason) (${rate('dent_rows_stopped_total')}) / on (model, recipe) group_left sum ${BY} (${rate('dent_predictions_total')})`,
            ],
          ],
        ),
        lines(
          {
            title: 'Latency of a batch, 95th percentile, by its number of steps',
            about: 'As the mean above, for the slowest 5 % of batches.',
            unit: 's',
            width: 12,
          },
          [
            [
              '{{steps}} steps, {{model}}',
              `histogram_quantile(0.95, sum by (le, model, steps) (${rate('dent_adapt_duration_seconds_bucket')}))`,
            ],
          ],
        ),
      ],
    },
    {
      title: 'Entropy before and after',
      panels: [
        lines(
          {
            title: 'Mean entropy',
            about:
              'Of the model as it is, and adapted, in nats. When the first moves, the images have: another source, a broken camera, or an attack. The second alone says little.',
            unit: NATS,
            width: 24,
          },
          [
            ['as it is, {{model}} {{recipe}}', entropy('static')],
            ['adapted, {{model}} {{recipe}}', entropy('adapted')],
          ],
        ),
        heatmap(
          {
            title: 'Entropy of the model as it is',
            about: 'Rows by their entropy in nats.',
            unit: NATS,
            width: 12,
          },
          `sum by (le) (increase(dent_entropy_nats_bucket{${LANES}, phase="static"}[$__rate_interval]))`,
        ),
        heatmap(
          { title: 'Entropy adapted', about: 'Rows by their entropy in nats.', unit: NATS, width: 12 },
          `sum by (le) (increase(dent_entropy_nats_bucket{${LANES}, phase="adapted"}[$__rate_interval]))`,
        ),
      ],
    },
    {
      title: 'Signs of an attack, or of drift',
      panels: [
        lines(
          {
            title: 'Share of labels changed',
            about:
              'Predictions whose most probable class adaptation has changed. It has a level of its own for each model and recipe; a jump means images unlike those before.',
            unit: 'percentunit',
            width: 8,
          },
          [['{{model}} {{recipe}}', `sum ${BY} (${rate('dent_label_changes_total')}) / (${predicted})`]],
        ),
        lines(
          {
            title: 'Share of rows whose adaptation diverged',
            about:
              'They are answered by the model as it is. More than none is a learning rate that is too large, or images made to do this.',
            unit: 'percentunit',
            width: 8,
          },
          [['{{model}} {{recipe}}', `sum ${BY} (${fallbacks('nonfinite')}) / (${predicted})`]],
        ),
        lines(
          {
            title: 'Share of rows in too small a batch',
            about:
              'A recipe that needs many rows fell back to one that does not. Much of it: a longer maxDelayMs, or another recipe.',
            unit: 'percentunit',
            width: 8,
          },
          [['{{model}} {{recipe}}', `sum ${BY} (${fallbacks('small_batch')}) / (${predicted})`]],
        ),
      ],
    },
  ],
});

import type { Prediction, RecipeSettings } from './api.ts';

const AVERAGES: Readonly<Record<RecipeSettings['statistics'], string>> = {
  source: '',
  batch:
    'Inside, the model compares what it sees with averages from its training; this takes the averages of the batch instead.',
  blend:
    'Inside, the model compares what it sees with averages from its training; this mixes the averages of the batch into them.',
  auto: 'Inside, the model compares what it sees with averages from its training; this mixes the averages of the batch into them, but only where that seems to help.',
};

function stepsOf({ steps, scope, objective, statistics, gate, floor }: RecipeSettings): string {
  if (steps === 0)
    return statistics === 'source' ? 'Nothing is tuned: the model answers as it is.' : 'No steps.';
  const stops = gate !== 'off' || floor !== 'off';
  const count = `${stops ? 'At most ' : ''}${steps} ${steps === 1 ? 'step' : 'steps'}`;
  const whose =
    scope === 'batch'
      ? 'one tuning for the whole batch'
      : objective === 'entropy'
        ? 'each picture is tuned alone'
        : 'each picture has its own tuning, and all pictures of the batch decide on it';
  return `${count}; ${whose}${stops ? ', until its answer is sure' : ''}.`;
}

/** What a recipe does, for somebody who does not know its settings. */
export function recipeInWords(recipe: RecipeSettings): string {
  const blurred = recipe.sigma === 'off' ? '' : 'The picture is blurred a little first.';
  return [stepsOf(recipe), AVERAGES[recipe.statistics], blurred].filter((each) => each !== '').join(' ');
}

/**
 * Why another recipe was applied than was asked for: this one chooses between two for each batch, or a lone
 * picture was too little for it.
 */
export function insteadInWords(
  { statistics }: Pick<RecipeSettings, 'statistics'>,
  { recipe, applied }: Pick<Prediction['adaptation'], 'recipe' | 'applied'>,
): string {
  if (recipe === applied) return '';
  return statistics === 'auto'
    ? `"${recipe}" chose "${applied}".`
    : `"${recipe}" needs more pictures at once than came, so "${applied}" answered.`;
}

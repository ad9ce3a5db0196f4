import type { CurveName } from './curves.ts';
import type { Curve } from './report.ts';
import { differenceText, isLoss } from './statistics.ts';

/** What a curve goes along, as a person says it. */
export const ALONG: Readonly<Record<CurveName, string>> = {
  eps: 'eps',
  iterations: 'steps of the attack',
  steps: 'updates of the recipe',
};

/** What all curves are of: so many images. */
export const howCurves = (images: number): string =>
  `Accuracy on ${images === 1 ? 'the first image' : `the first ${images} images`} in a batch of their own, under APGD on the margin from the image itself, on the network as it is and, where attacks see it, on the one that the recipe adapts to; each point goes on with the images that the points before it have left right. It is weaker than the worst of all attacks: it shows which way accuracy goes.`;

/** Fewer images say nothing of a change. */
const TELLING_IMAGES = 20;

/** Whether an attacker with more steps breaks more; undefined for other curves. */
export function budgetVerdict({ along, recipe, own, points }: Curve): string | undefined {
  const many = points.at(-1);
  if (along !== 'iterations' || many?.change === undefined) return undefined;
  if (many.of < TELLING_IMAGES) return `${recipe}: too few images (${many.of}) to tell.`;
  const change = `${many.at} steps in place of ${own} change accuracy by ${differenceText(many.change)}`;
  return isLoss(many.change)
    ? `${recipe}: not flat. ${change}, so the budget is too small.`
    : `${recipe}: flat within chance. ${change}.`;
}

export { AIM_NAMES, timeText, writtenRecipe } from './advice.ts';
export type { Alarm } from './alarms.ts';
export { answersOf } from './answers.ts';
export { type Arena, areAll, chooseAttacks, openArena } from './arena.ts';
export { attackPicture } from './attack-picture.ts';
export type { Attack, Norm } from './attacks/attack.ts';
export { ballText } from './ball.ts';
export { BUDGETS, type Budget, type BudgetName, budgetText } from './budget.ts';
export { ALONG, budgetVerdict, howCurves } from './curve-words.ts';
export { CURVES, type CurveName, chooseCurves, curvesOf, stepVariants } from './curves.ts';
export {
  checkImages,
  chooseImages,
  findImages,
  type LabelledFile,
  readBatch,
} from './dataset.ts';
export { createExampleKeeper, type Example } from './examples.ts';
export { type Figure, isStatic } from './figures.ts';
export { htmlPage } from './html/page.ts';
export { type Means, measure, type Plan, piecesOf, type ServedEvent } from './measure.ts';
export type { CurvesPlan } from './measure-curves.ts';
export { createPace } from './pace.ts';
export { createRandom } from './random.ts';
export { type Curve, createReport, type RecipeReport, type Report } from './report.ts';
export { inModelUnits, type ServedRecipe, serveRecipe } from './served-recipe.ts';
export { shiftNames } from './shifts/index.ts';

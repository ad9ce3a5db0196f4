export { type CompiledModel, type CompileOptions, compile, type GraphRunner } from './compile.ts';
export { createRecipe, isCoupled, PRESETS, type PresetName, RECIPE_FIELDS, type Recipe } from './recipe.ts';

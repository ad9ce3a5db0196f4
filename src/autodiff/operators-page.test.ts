import { expect, it } from 'vitest';
import { NOT_DIFFERENTIABLE, VJP_RULES } from './rules/index.ts';

/** docs/operators.md, from the table of rules. `npm run docs:operators` writes it. */
function operatorsPage(): string {
  const rules = Object.entries(VJP_RULES)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([op, { note }]) => `| ${op} | ${note ?? ''} |`);
  return `# Operators

A gradient can pass through these operators of the \`ai.onnx\` domain, opsets 11 and later. Those between the first adapted
layer and the logits must be among them; before the first adapted layer, and in recipes without steps, anything goes that
ONNX Runtime runs. Other operators, those of other domains among them, are refused by name when a model is compiled.

| operator | what is covered, where not all |
| --- | --- |
${rules.join('\n')}

The outputs of these are sizes or piecewise constant, so the gradient through them is zero:
${[...NOT_DIFFERENTIABLE].sort().join(', ')}.

Identity and Dropout are dropped, constant parts are computed once, and results of shape arithmetic that do not depend on
the batch become constants; so "constant" above includes what an exporter computes from shapes.

Adapted are the scale and shift of BatchNormalization, LayerNormalization (in one piece or taken apart), GroupNormalization
(in one piece or as an InstanceNormalization between two Reshapes) and InstanceNormalization. A model without any is adapted
at the outputs of its convolutions, by a scale of 1 and a shift of 0 for each channel.

Written by \`npm run docs:operators\`.
`;
}

it('docs/operators.md is current', async () => {
  await expect(operatorsPage()).toMatchFileSnapshot('../../docs/operators.md');
});

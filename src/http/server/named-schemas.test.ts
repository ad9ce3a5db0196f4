import { expect, it } from 'vitest';
import { nameSchemas } from './named-schemas.ts';

const leaf = { title: 'Leaf', type: 'object', properties: { title: { type: 'string' } } };
const { title: _, ...withoutTitle } = leaf;
const document = (responses: object, schemas: object = {}) => ({
  openapi: '3.1.0',
  paths: { '/': { get: { responses } } },
  components: { schemas },
});

it('gives each titled schema one place, wherever it is nested, and leaves descriptions with its uses', () => {
  const tree = {
    title: 'Tree',
    type: 'object',
    properties: { leaves: { type: 'array', items: leaf }, best: { ...leaf, description: 'The best.' } },
  };
  expect(nameSchemas(document({ 200: { schema: tree } }, { Forest: { items: tree } }))).toEqual({
    openapi: '3.1.0',
    paths: { '/': { get: { responses: { 200: { schema: { $ref: '#/components/schemas/Tree' } } } } } },
    components: {
      schemas: {
        Forest: { items: { $ref: '#/components/schemas/Tree' } },
        Tree: {
          type: 'object',
          properties: {
            leaves: { type: 'array', items: { $ref: '#/components/schemas/Leaf' } },
            best: { $ref: '#/components/schemas/Leaf', description: 'The best.' },
          },
        },
        Leaf: withoutTitle,
      },
    },
  });
});

it('leaves examples alone, which may have titles of their own', () => {
  const written = document({
    400: { example: { title: 'Too large', status: 413 }, schema: { enum: [leaf] } },
  });
  expect(nameSchemas(written)).toEqual(written);
});

it('refuses two schemas of one title', () => {
  const other = { ...leaf, type: 'string' };
  expect(() => nameSchemas(document({ 200: leaf, 400: other }))).toThrow('the title "Leaf"');
});

/** The call that the page makes, for somebody else to make. */
export interface Call {
  /** Where the server is, without a slash at the end. */
  readonly server: string;
  readonly model: string;
  readonly recipe: string;
  readonly topK: number;
  /** Where the picture can be fetched from, or the file that the person has to save. */
  readonly picture: { readonly url: string } | { readonly file: string };
  readonly needsKey: boolean;
}

export type Language = 'curl' | 'Python' | 'JavaScript';
export const LANGUAGES: readonly Language[] = ['curl', 'Python', 'JavaScript'];

/** Within single quotes of a shell, where a quote ends them. */
const shell = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** As a literal of Python and of JavaScript: both read JSON's strings. */
const literal = (text: string): string => JSON.stringify(text);

const addressOf = ({ server, model, recipe, topK }: Call): string =>
  `${server}/v1/models/${encodeURIComponent(model)}/predict?recipe=${encodeURIComponent(recipe)}&top_k=${topK}`;

function curl(call: Call): string {
  const { picture, needsKey } = call;
  const key = needsKey ? " -H 'Authorization: Bearer KEY'" : '';
  const post = (data: string): string => `curl${key} --data-binary ${data} ${shell(addressOf(call))}`;
  return 'url' in picture ? `curl -s ${shell(picture.url)} |\n  ${post('@-')}` : post(`@${picture.file}`);
}

function python(call: Call): string {
  const { picture, needsKey } = call;
  const image =
    'url' in picture
      ? `requests.get(${literal(picture.url)}, timeout=60).content`
      : `open(${literal(picture.file)}, 'rb').read()`;
  return [
    'import requests',
    '',
    `image = ${image}`,
    'answer = requests.post(',
    `    ${literal(addressOf(call))},`,
    `    data=image,${needsKey ? " headers={'Authorization': 'Bearer KEY'}," : ''} timeout=60,`,
    ')',
    'answer.raise_for_status()',
    "for each in answer.json()['predictions']:",
    "    print(each['label'], each['probability'])",
  ].join('\n');
}

function javascript(call: Call): string {
  const { picture, needsKey } = call;
  const image =
    'url' in picture
      ? `await (await fetch(${literal(picture.url)})).blob()`
      : `new Blob([await (await import('node:fs/promises')).readFile(${literal(picture.file)})])`;
  return [
    `const image = ${image};`,
    `const reply = await fetch(${literal(addressOf(call))}, {`,
    `  method: 'POST', body: image,${needsKey ? " headers: { authorization: 'Bearer KEY' }," : ''}`,
    '});',
    'const answer = await reply.json();',
    'if (!reply.ok) throw new Error(answer.detail);',
    'for (const { label, probability } of answer.predictions) console.log(label, probability);',
  ].join('\n');
}

export const snippet = (language: Language, call: Call): string =>
  ({ curl, Python: python, JavaScript: javascript })[language](call);

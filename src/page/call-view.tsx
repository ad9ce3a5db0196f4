import { useState } from 'preact/hooks';
import { type Call, LANGUAGES, type Language, snippet } from './snippets.ts';

/** Copies, and says so for a moment; where the browser does not let it, the person has to. */
function CopyButton({ text, label }: { readonly text: () => string; readonly label: string }) {
  const [said, say] = useState('');
  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(text());
      say('Copied.');
    } catch {
      say('The browser does not let this page copy: select the text and copy it yourself.');
    }
  }
  return (
    <span class="copy">
      <button type="button" onClick={copy}>
        {label}
      </button>
      <span role="status">{said}</span>
    </span>
  );
}

interface Props {
  readonly call: Call;
  /** The picture as it is sent, where it cannot be fetched from the server. */
  readonly file?: () => Promise<Blob>;
}

async function save(file: () => Promise<Blob>, name: string): Promise<void> {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(await file());
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

/** The same call, ready to paste. */
export function CallView({ call, file }: Props) {
  const [language, choose] = useState<Language>('curl');
  const text = snippet(language, call);
  const { picture } = call;
  return (
    <section aria-labelledby="call">
      <h2 id="call">Make the same call</h2>
      <fieldset class="choices">
        <legend class="hidden">Language</legend>
        {LANGUAGES.map((each) => (
          <label key={each}>
            <input type="radio" name="language" checked={each === language} onChange={() => choose(each)} />
            {each}
          </label>
        ))}
      </fieldset>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard. */}
      <pre class="code" tabIndex={0}>
        <code>{text}</code>
      </pre>
      <div class="own">
        <CopyButton label="Copy the call" text={() => text} />
        {'file' in picture && file && (
          <button type="button" onClick={() => save(file, picture.file)}>
            Save the picture as {picture.file}
          </button>
        )}
        <CopyButton label="Copy a link to this view" text={() => location.href} />
      </div>
      {call.needsKey && <p class="quiet">Put your key where it says KEY.</p>}
    </section>
  );
}

import { useState } from 'preact/hooks';
import { rememberKey } from './api.ts';
import type { Complaint } from './words.ts';

interface Props {
  readonly complaint: Complaint | undefined;
  readonly onAgain: () => void;
}

function KeyField({ onAgain }: Pick<Props, 'onAgain'>) {
  const [key, setKey] = useState('');
  return (
    <form
      class="own"
      onSubmit={(event) => {
        event.preventDefault();
        rememberKey(key);
        onAgain();
      }}
    >
      <label>
        API key{' '}
        <input
          type="password"
          autocomplete="off"
          value={key}
          onInput={({ currentTarget }) => setKey(currentTarget.value)}
        />
      </label>
      <button type="submit">Use this key</button>
      <span class="quiet">It stays in this page and is forgotten when you leave it.</span>
    </form>
  );
}

/** What is wrong, in words, and what helps. */
export function ComplaintView({ complaint, onAgain }: Props) {
  return (
    <div role="alert" class={complaint ? 'complaint' : ''}>
      {complaint && <p>{complaint.says}</p>}
      {complaint?.needsKey && <KeyField onAgain={onAgain} />}
      {complaint && !complaint.needsKey && (
        <button type="button" onClick={onAgain}>
          Try again now
        </button>
      )}
    </div>
  );
}

import { useEffect, useState } from 'preact/hooks';
import { Camera } from './camera.tsx';

interface Props {
  readonly example: string | undefined;
  readonly onExample: (example: (typeof EXAMPLES)[number]) => void;
  readonly onFile: (name: string, file: Blob) => void;
}

const fileOf = (data: DataTransfer | null): File | undefined =>
  [...(data?.files ?? [])][0] ??
  [...(data?.items ?? [])].find(({ kind }) => kind === 'file')?.getAsFile() ??
  undefined;

/** A picture may be dropped or pasted anywhere on the page. */
function useDropAndPaste(onFile: Props['onFile']): boolean {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    const listening = new AbortController();
    const listen = <K extends keyof WindowEventMap>(
      name: K,
      heard: (event: WindowEventMap[K]) => void,
    ): void => window.addEventListener(name, heard, { signal: listening.signal });
    listen('dragover', (event) => {
      event.preventDefault();
      setOver(true);
    });
    listen('dragleave', ({ relatedTarget }) => relatedTarget === null && setOver(false));
    listen('drop', (event) => {
      event.preventDefault();
      setOver(false);
      const file = fileOf(event.dataTransfer);
      if (file) onFile(file.name, file);
    });
    listen('paste', ({ clipboardData }) => {
      const file = fileOf(clipboardData);
      if (file) onFile('pasted picture', file);
    });
    return () => listening.abort();
  }, [onFile]);
  return isOver;
}

/** The gallery, and the ways to bring a picture of one's own. */
export function ChoosePicture({ example, onExample, onFile }: Props) {
  const isOver = useDropAndPaste(onFile);
  return (
    <section class={isOver ? 'choose over' : 'choose'} aria-labelledby="choose">
      <h2 id="choose">Choose a picture</h2>
      <ul class="gallery">
        {EXAMPLES.map((each) => (
          <li key={each.name}>
            <button
              type="button"
              aria-pressed={each.name === example}
              aria-label={each.name}
              onClick={() => onExample(each)}
            >
              <img src={each.url} alt="" width={72} height={72} />
            </button>
          </li>
        ))}
      </ul>
      <div class="own">
        <label class="button">
          Choose a file
          <input
            type="file"
            accept="image/*,.heic,.heif"
            class="hidden"
            onChange={({ currentTarget }) => {
              const [file] = currentTarget.files ?? [];
              if (file) onFile(file.name, file);
              currentTarget.value = '';
            }}
          />
        </label>
        <Camera onPhoto={(photo) => onFile('photo', photo)} />
        <span class="quiet">
          {isOver ? 'Let go to see it defended.' : 'Or drop or paste one anywhere on this page.'}
        </span>
      </div>
    </section>
  );
}

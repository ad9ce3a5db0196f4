import { useEffect, useRef, useState } from 'preact/hooks';

const IDEAL_SIDE = 640;

function whyNot(error: unknown): string {
  if (!window.isSecureContext)
    return 'Browsers give the camera only to pages over https or on this computer itself.';
  const { name } = error as DOMException;
  if (name === 'NotFoundError') return 'There is no camera here.';
  if (name === 'NotAllowedError')
    return 'The camera was not allowed: allow it in the address bar of the browser.';
  return 'The camera cannot be used. Another program may have it.';
}

async function photograph(video: HTMLVideoElement): Promise<Blob | null> {
  const canvas = document.createElement('canvas');
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext('2d')?.drawImage(video, 0, 0);
  return new Promise((resolve) => canvas.toBlob(resolve, 'image/png'));
}

/** Takes a photograph. The camera is on while the person sees what it sees. */
export function Camera({ onPhoto }: { readonly onPhoto: (photo: Blob) => void }) {
  const [stream, setStream] = useState<MediaStream>();
  const [problem, setProblem] = useState('');
  const video = useRef<HTMLVideoElement>(null);

  useEffect(() => {
    if (video.current) video.current.srcObject = stream ?? null;
    return () => {
      for (const track of stream?.getTracks() ?? []) track.stop();
    };
  }, [stream]);

  async function open(): Promise<void> {
    setProblem('');
    try {
      setStream(
        await navigator.mediaDevices.getUserMedia({
          video: { width: { ideal: IDEAL_SIDE }, height: { ideal: IDEAL_SIDE } },
        }),
      );
    } catch (error) {
      setProblem(whyNot(error));
    }
  }

  async function take(): Promise<void> {
    const photo = video.current && (await photograph(video.current));
    setStream(undefined);
    if (photo) onPhoto(photo);
  }

  if (stream === undefined) {
    return (
      <>
        <button type="button" onClick={open}>
          Use the camera
        </button>
        {problem !== '' && <span role="alert">{problem}</span>}
      </>
    );
  }
  return (
    <div class="camera">
      <video ref={video} autoplay muted playsInline aria-label="What the camera sees" />
      <button type="button" onClick={take}>
        Take the photograph
      </button>
      <button type="button" onClick={() => setStream(undefined)}>
        Close the camera
      </button>
    </div>
  );
}

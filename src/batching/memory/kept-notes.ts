/** Texts in the memory of one process, each for its own time. */
export interface KeptNotes {
  set(name: string, text: string, keepMs: number): void;
  get(name: string): string | undefined;
}

export function createKeptNotes(): KeptNotes {
  const notes = new Map<string, { text: string; untilMs: number }>();
  const isOver = ({ untilMs }: { untilMs: number }): boolean => untilMs <= performance.now();
  return {
    set(name, text, keepMs) {
      for (const [each, note] of notes) if (isOver(note)) notes.delete(each);
      notes.set(name, { text, untilMs: performance.now() + keepMs });
    },
    get(name) {
      const note = notes.get(name);
      return note && !isOver(note) ? note.text : undefined;
    },
  };
}

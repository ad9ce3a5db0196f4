/** Lines of text with aligned columns. The first row is the heading. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const columns = Array.from(rows[0]!.keys());
  const widths = columns.map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('   ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}
